// purpose: `mneme draw`: draws a run.
// layer: commands; includes script_runner, picture.
// threads: one call at a time.
// invariants: standard output has the picture and nothing else.
#pragma once

#include <string>

#include "driver/report/output.hpp"
#include "driver/report/picture.hpp"
#include "script_runner.hpp"

namespace mneme::driver {

struct DrawOptions {
  std::string path;         // `-` is standard input
  std::string output_path;  // empty: standard output
  std::string colour_by;    // size, task, or empty: task if the script has tasks
  bool html = false;
  ScriptOptions script;
};

/// Draws a run, also one that fails, as far as it went. Returns the exit code of the run.
[[nodiscard]] Exit run_draw(const DrawOptions& options, Output& output);

}  // namespace mneme::driver
