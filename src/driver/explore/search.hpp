// purpose: all orders of the tasks' steps, breadth first, every distinct state once.
// layer: explore; includes world, state_graph.
// threads: one owner; `interrupted` may be set by a signal handler.
// invariants: the path to a state is a shortest one, and leads there on the world itself.
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
  /// Ends at the first state from which no task can take a step while requests wait.
  bool stops_at_deadlock = false;
  const volatile std::sig_atomic_t* interrupted = nullptr;
  std::function<void(const SearchProgress&)> on_progress = {};  // now and then
};

enum class Bound : std::uint8_t { none, memory, states, interrupt, deadlock };

/// What was seen of all states.
struct Observed {
  std::size_t least_growth = no_growth;  // see World::least_growth
  std::size_t high_water = 0;            // the end of the highest block
  std::size_t peak_bytes = 0;            // in blocks
  /// A heap of so many bytes has, wherever its blocks are, a hole for each request at once.
  std::size_t any_placement = 0;
  bool waits = false;  // some request did
};

struct SearchResult {
  StateGraph graph;
  Observed observed;
  Bound bound = Bound::none;  // that ended the search before all was explored
  std::size_t depth = 0;      // steps of the longest path that was taken
  std::size_t transitions = 0;
  std::size_t bytes_max = 0;

  [[nodiscard]] bool is_complete() const { return bound == Bound::none; }
};

[[nodiscard]] SearchResult search(World& world, const SearchLimits& limits);

/// Brings a world to where these steps lead.
void replay(World& world, const Path& path);

}  // namespace mneme::driver
