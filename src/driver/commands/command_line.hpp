// purpose: the driver as a function of its command line.
// layer: commands; includes nothing.
// threads: one.
// invariants: the result is a documented exit code.
#pragma once

namespace mneme::driver {

/// Parses the arguments of main() and runs the command that they name; errors go to standard error.
[[nodiscard]] int command_line(int argc, char** argv);

}  // namespace mneme::driver
