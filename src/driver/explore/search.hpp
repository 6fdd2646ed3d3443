// purpose: the search of all orders, for the tasks of a script.
// layer: explore; includes world, testing.
// threads: one owner; `interrupted` may be set by a signal handler.
// invariants: see mneme/testing/search.hpp.
#pragma once

#include <mneme/testing/search.hpp>

#include "world.hpp"

namespace mneme::driver {

using testing::Bound;
using testing::Fingerprint;
using testing::fingerprint_of;
using testing::Observed;
using testing::SearchLimits;
using testing::SearchProgress;
using testing::SearchResult;
using testing::StateGraph;
using testing::StateNumber;
using testing::Transition;

[[nodiscard]] SearchResult search(World& world, const SearchLimits& limits);

/// Brings a world to where these steps lead.
void replay(World& world, const Path& path);

}  // namespace mneme::driver
