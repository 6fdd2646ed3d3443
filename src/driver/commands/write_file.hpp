// purpose: writes the output file of a command.
// layer: commands; includes output, history.
// threads: one call at a time on one file.
// invariants: a file that cannot be written is reported before the work is done.
#pragma once

#include <string>
#include <string_view>

#include "driver/report/history.hpp"
#include "driver/report/output.hpp"

namespace mneme::driver {

/// Throws InputError if a file cannot be opened for writing. Neither changes nor creates it.
void check_writable(const std::string& path);

/// Throws InputError if not all of it can be written.
void write_file(const std::string& path, std::string_view content);

/// Prints a warning to standard error if not all of a run was kept.
void warn_if_cut(const History& history, Output& output);

}  // namespace mneme::driver
