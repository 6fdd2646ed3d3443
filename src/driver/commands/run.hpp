// purpose: `mneme run`: runs scripts, prints transcripts, and returns an exit code.
// layer: commands; includes script_runner, output.
// threads: one call at a time.
// invariants: each file has a heap of its own.
#pragma once

#include <string>
#include <vector>

#include "driver/report/output.hpp"
#include "script_runner.hpp"

namespace mneme::driver {

struct RunOptions {
  std::vector<std::string> paths;  // `-` is standard input
  bool quiet = false;
  bool stats = false;
  std::string perfetto;  // the file for a trace of the run
  std::string why;       // the name whose story replaces the transcript
  ScriptOptions script;
};

/// Runs the files one by one, and stops after the first that fails, unless `keep_going` is set.
/// Returns the worst exit code, in the order corruption, bad input, deadlock, expectation, ok.
[[nodiscard]] Exit run_scripts(const RunOptions& options, Output& output);

/// The worse of two exit codes.
[[nodiscard]] Exit worse(Exit a, Exit b);

}  // namespace mneme::driver
