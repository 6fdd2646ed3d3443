// purpose: `mneme fit`: on which heaps tasks cannot deadlock.
// layer: commands; includes explore_command.
// threads: one call at a time.
// invariants: standard output is the same in every run; progress goes to standard error.
#pragma once

#include "explore_command.hpp"

namespace mneme::driver {

/// Prints the heap sizes on which any order of the tasks' steps deadlocks.
[[nodiscard]] Exit run_fit(const ExploreOptions& options, Output& output);

}  // namespace mneme::driver
