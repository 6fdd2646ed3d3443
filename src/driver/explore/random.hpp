// purpose: random numbers, the same on every machine, and random moves.
// layer: explore; includes world.
// threads: one owner.
// invariants: a seed gives one sequence.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "world.hpp"

namespace mneme::driver {

/// SplitMix64.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_{seed} {}

  std::uint64_t next() {
    std::uint64_t word = state_ += 0x9e3779b97f4a7c15U;
    word = (word ^ (word >> 30U)) * 0xbf58476d1ce4e5b9U;
    word = (word ^ (word >> 27U)) * 0x94d049bb133111ebU;
    return word ^ (word >> 31U);
  }
  std::size_t below(std::size_t count) { return next() % count; }

 private:
  std::uint64_t state_;
};

/// A random choice of a task; 0 if it has no choice.
[[nodiscard]] inline std::uint8_t random_choice(const World& world, std::size_t task,
                                                Random& random) {
  const std::size_t choices = world.choices(task);
  return choices < 2 ? std::uint8_t{0} : static_cast<std::uint8_t>(random.below(choices));
}

/// A random move of a task that can run; nothing if no task can.
[[nodiscard]] inline std::optional<Move> random_move(const World& world, Random& random) {
  std::array<std::uint8_t, tasks_max> able{};
  std::size_t count = 0;
  for (std::size_t task = 0; task < world.tasks().size(); ++task) {
    if (world.can_step(task)) able[count++] = static_cast<std::uint8_t>(task);
  }
  if (count == 0) return std::nullopt;
  const std::uint8_t task = able[random.below(count)];
  return Move{task, random_choice(world, task, random)};
}

}  // namespace mneme::driver
