// purpose: `mneme import`: converts a recorded trace to a script.
// layer: commands; includes import and the standard library.
// threads: one call at a time on the same streams.
// invariants: either the whole script is written, after the whole trace was read, or nothing.
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
  std::optional<std::uint64_t> heap_bytes;  // instead of the recorded or the roomy one
  std::string schedule_out;                 // a file for the order of a recording; or empty
};

/// The default size of a script's heap: twice the peak, in whole pages of 4 KiB.
[[nodiscard]] std::uint64_t roomy_heap_bytes(const ImportSummary& summary) noexcept;

/// Returns the exit code: 0 if every line was understood, 1 if some were not, and were reported
/// (the script has all others), 2 if there is no script: the input cannot be read or is not a
/// trace, or the script cannot be written. Throws InputError for an input that is not text.
[[nodiscard]] int run_import(const ImportOptions& options, std::FILE* script, std::FILE* reports);

}  // namespace mneme::driver
