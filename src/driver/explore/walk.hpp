// purpose: random runs of tasks, where there are too many orders to explore them all.
// layer: explore; includes world, random.
// threads: one owner.
// invariants: a walk depends only on the seed and its own number, so walks can be distributed over
//   machines in any way, and their results added up.
#pragma once

#include <csignal>
#include <cstdint>
#include <functional>
#include <optional>

#include "world.hpp"

namespace mneme::driver {

struct WalkPlan {
  std::uint64_t first = 0;  // the number of the first walk
  std::uint64_t walks = 0;
  std::uint64_t seed = 1;
  std::uint64_t steps_max = 10'000;  // of each
  const volatile std::sig_atomic_t* interrupted = nullptr;
  std::function<void(std::uint64_t walks)> on_progress = {};  // called now and then
};

struct WalkSum {
  std::uint64_t walks = 0;
  std::uint64_t deadlocks = 0;  // no task can run, and requests for memory wait
  std::uint64_t stuck = 0;      // no task can run, and some wait for a signal or a mailbox
  std::uint64_t cut_off = 0;    // after steps_max steps
  /// The first of the shortest walks that deadlocked or, if none did, of those that got stuck.
  Path shortest;
  std::optional<std::uint64_t> shortest_walk;

  [[nodiscard]] std::uint64_t finished() const { return walks - deadlocks - stuck - cut_off; }
};

/// Each task that can run is equally likely to be next, and so is each of its choices.
[[nodiscard]] WalkSum walk(World& world, const WalkPlan& plan);

}  // namespace mneme::driver
