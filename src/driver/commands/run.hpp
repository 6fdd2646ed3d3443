// purpose: `mneme run`: scripts in, transcripts and exit codes out.
// layer: commands; includes executor, parser.
// threads: one call at a time.
// invariants: each file has a heap of its own.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "driver/report/output.hpp"

namespace mneme::driver {

/// Exit codes, from good to bad.
enum class Exit : std::uint8_t {
  ok = 0,
  expectation = 1,
  bad_input = 2,
  deadlock = 3,
  corruption = 4
};

struct RunOptions {
  std::vector<std::string> paths;  // `-` is standard input
  bool quiet = false;
  bool stats = false;
  bool keep_going = false;
  std::optional<std::string> raw;
  std::optional<std::uint64_t> heap_bytes;
};

/// Runs the files one after the other; stops behind the first that does not end well, unless told
/// to keep going. Gives the worst exit code: corruption, bad input, deadlock, expectation, ok.
[[nodiscard]] Exit run_scripts(const RunOptions& options, Output& output);

}  // namespace mneme::driver
