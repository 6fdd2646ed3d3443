// purpose: `mneme fuzz encode` and `mneme fuzz decode`: scripts to fuzz inputs, and back.
// layer: commands; includes output.
// threads: one call at a time.
// invariants: nothing is printed of an input with an error.
#pragma once

#include <string>

#include "driver/report/output.hpp"

namespace mneme::driver {

/// Prints the bytes of a script. Throws ScriptError or InputError.
void run_encode(const std::string& path, Output& output);

/// Prints the script of the bytes in a file; `-` is standard input. Throws InputError.
void run_decode(const std::string& path, Output& output);

}  // namespace mneme::driver
