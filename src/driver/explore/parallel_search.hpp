// purpose: the search with several processes, whose result is that of one.
// layer: explore; includes search.
// threads: one owner; the processes share memory that is given from one to the other by semaphores.
// invariants: states are recorded in the order of one process, by this one alone.
#pragma once

#include <cstddef>

#include "search.hpp"

namespace mneme::driver {

/// The maximum number of processes.
inline constexpr std::size_t workers_max = 64;

/// As search(). Processes that this one forks take the steps from states, and hand back the states
/// that they lead to; a copy of a world is good in all of them, as its addresses are the same.
/// Needs a world that can be copied; otherwise, and with less than two, this process does all.
[[nodiscard]] SearchResult search_in_parallel(World& world, const SearchLimits& limits,
                                              SearchResult from, std::size_t workers);

}  // namespace mneme::driver
