// purpose: the search, compiled for the tasks of a script.
// layer: explore; includes search.
// threads: one owner.
// invariants: see mneme/testing/search.hpp.
#include "search.hpp"

namespace mneme::driver {

SearchResult search(World& world, const SearchLimits& limits) {
  return testing::search(world, limits);
}

void replay(World& world, const Path& path) { testing::replay(world, path); }

}  // namespace mneme::driver
