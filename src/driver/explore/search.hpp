// purpose: all orders of the tasks' steps, breadth first, every distinct state once.
// layer: explore; includes world, state_graph.
// threads: one owner; `interrupted` may be set by a signal handler.
// invariants: the path to a state is a shortest one, and replaying it on the world leads there.
#pragma once

#include <csignal>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "state_graph.hpp"
#include "world.hpp"

namespace mneme::driver {

struct SearchProgress {
  std::size_t states = 0;
  std::size_t depth = 0;
  std::size_t bytes = 0;
};

struct SearchLimits {
  std::uint64_t memory_bytes = std::uint64_t{2} << 30U;
  std::uint64_t states = ~std::uint64_t{0};
  /// End the search at the first state in which requests wait and no task can take a step.
  bool stops_at_deadlock = false;
  const volatile std::sig_atomic_t* interrupted = nullptr;
  std::function<void(const SearchProgress&)> on_progress = {};  // called now and then
};

enum class Bound : std::uint8_t { none, memory, states, interrupt, deadlock };

/// Extremes over all states.
struct Observed {
  std::size_t least_growth = no_growth;  // see World::least_growth
  std::size_t high_water = 0;            // the end of the highest block
  std::size_t peak_bytes = 0;            // in blocks
  /// A heap of this size has a hole for each request at once, wherever its blocks are.
  std::size_t any_placement = 0;
  bool waits = false;  // some request waited
};

struct SearchResult {
  StateGraph graph;
  Observed observed;
  Bound bound = Bound::none;  // the limit that ended the search early
  std::size_t depth = 0;      // the number of steps of the longest path
  std::size_t transitions = 0;
  std::size_t bytes_max = 0;

  [[nodiscard]] bool is_complete() const { return bound == Bound::none; }
};

[[nodiscard]] SearchResult search(World& world, const SearchLimits& limits);

/// Restarts a world, and carries out these steps.
void replay(World& world, const Path& path);

}  // namespace mneme::driver
