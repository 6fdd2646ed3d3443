// purpose: `mneme run --annotate` and `--check`: a script that holds the results of its own run.
// layer: commands; includes script_runner, output.
// threads: one call at a time.
// invariants: an annotation is all that the run says, word for word: there are no partial matches.
#pragma once

#include <string>
#include <vector>

#include "driver/report/output.hpp"
#include "script_runner.hpp"

namespace mneme::driver {

struct AnnotateOptions {
  std::vector<std::string> paths;  // `-` is standard input
  bool in_place = false;
  ScriptOptions script;
};

/// Prints the script with its results behind `#>`, or rewrites each file that changes. Throws
/// InputError, if a file cannot be read or written.
void annotate_scripts(const AnnotateOptions& options, Output& output);

/// Runs all the scripts, and prints where the results differ from what stands behind `#>`:
/// `expectation` if they do, and `bad_input` if a script cannot be read or has no annotations.
[[nodiscard]] Exit check_scripts(const AnnotateOptions& options, Output& output);

}  // namespace mneme::driver
