// purpose: `mneme import`: a recorded trace in, a script out.
// layer: commands; includes import and the standard library.
// threads: one call at a time on the same streams.
// invariants: the script is written whole, after the trace was read to its end, or not at all.
#pragma once

#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>

#include "driver/import/importer.hpp"

namespace mneme::driver {

struct ImportOptions {
  std::string path;  // `-` is standard input
  TraceOptions trace;
  std::optional<std::uint64_t> heap_bytes;  // instead of the roomy default
};

/// The heap that a script is given by default: twice the peak, in whole pages of 4 KiB.
[[nodiscard]] std::uint64_t roomy_heap_bytes(const ImportSummary& summary) noexcept;

/// Gives the exit code: 0 if every line was understood and fits, 1 if some were reported (the
/// script holds all others), 2 if there is no script: the input cannot be read, is no trace at all,
/// or the script cannot be written. Throws InputError for an input that is no text.
[[nodiscard]] int run_import(const ImportOptions& options, std::FILE* script, std::FILE* reports);

}  // namespace mneme::driver
