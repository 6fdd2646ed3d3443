// purpose: `mneme run --annotate` and `--check`: scripts that contain the results of their own run.
// layer: commands; includes script_runner, output.
// threads: one call at a time.
// invariants: annotations are the whole output of the run, and are compared word for word.
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
/// InputError if a file cannot be read or written.
void annotate_scripts(const AnnotateOptions& options, Output& output);

/// Runs all scripts, and prints where their results differ from the text behind `#>`. Returns
/// `expectation` if there is a difference, `bad_input` if a script cannot be read or has no
/// annotations.
[[nodiscard]] Exit check_scripts(const AnnotateOptions& options, Output& output);

}  // namespace mneme::driver
