// purpose: the command lines of `mneme explore` and `mneme fit`.
// layer: commands; includes explore_command; CLI11.
// threads: one.
// invariants: none.
#pragma once

#include <CLI/CLI.hpp>

#include "explore_command.hpp"

namespace mneme::driver {

/// These add a command to the command line, and store its options in `options`.
CLI::App& add_explore_command(CLI::App& app, ExploreOptions& options);
CLI::App& add_fit_command(CLI::App& app, ExploreOptions& options);

}  // namespace mneme::driver
