// purpose: `mneme fuzz encode` and `mneme fuzz decode`: scripts to fuzz inputs, and back.
// layer: commands; includes output.
// threads: one call at a time.
// invariants: an input with an error prints nothing.
#pragma once

#include <string>

#include "driver/report/output.hpp"

namespace mneme::driver {

/// Prints a script as the bytes of a fuzz input. Throws ScriptError or InputError.
void run_encode(const std::string& path, Output& output);

/// Prints a fuzz input as a script; `-` is standard input. Throws InputError.
void run_decode(const std::string& path, Output& output);

}  // namespace mneme::driver
