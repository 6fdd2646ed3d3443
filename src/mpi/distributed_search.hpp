// purpose: the search by several ranks of MPI, whose result is that of one process.
// layer: mpi; includes explore, ranks.
// threads: one in each rank.
// invariants: each state is known to one rank, its owner, which the fingerprint names. States are
//   numbered as by a search of one process, so the result does not depend on the number of ranks.
#pragma once

#include "driver/explore/search.hpp"
#include "ranks.hpp"

namespace mneme::driver {

/// As search(), by all ranks together, which call it with the same world and limits; `from` and
/// `limits.on_layer` are those of the first rank, which alone gets the states and the transitions.
/// The limit on memory is that of each rank. If a step fails, each rank returns Bound::failure, and
/// `ranks.error()` is set in the one where it did.
[[nodiscard]] SearchResult search_by_ranks(Ranks& ranks, World& world, const SearchLimits& limits,
                                           SearchResult from);

}  // namespace mneme::driver
