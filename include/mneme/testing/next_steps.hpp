// purpose: the steps from a state, each once if tasks are alike.
// layer: testing; includes state_graph.
// threads: plain data.
// invariants: none.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "../settings.hpp"
#include "state_graph.hpp"

namespace mneme::inline MNEME_SETTINGS::testing {

/// The steps that a world can take, one of those of identical tasks in the same state; as of its
/// last identity().
class NextSteps {
 public:
  template <class World>
  explicit NextSteps(World& world) : tasks_{world.task_count()} {
    for (std::size_t task = 0; task < tasks_; ++task) {
      if (!world.can_step(task)) continue;
      is_end_ = false;
      ++weights_[world.twin_of(task)];
      choices_[task] = world.choices(task);
    }
  }

  [[nodiscard]] bool is_end() const { return is_end_; }
  /// Calls each(move, transition), whatever the world does meanwhile.
  template <class F>
  void for_each(F each) const {
    for (std::size_t task = 0; task < tasks_; ++task) {
      if (weights_[task] == 0) continue;
      for (std::size_t choice = 0; choice < choices_[task]; ++choice) {
        each(Move{static_cast<std::uint8_t>(task), static_cast<std::uint8_t>(choice)},
             Transition{.weight = weights_[task],
                        .choices = static_cast<std::uint8_t>(choices_[task])});
      }
    }
  }

 private:
  std::size_t tasks_;
  bool is_end_ = true;
  std::array<std::uint8_t, tasks_max> weights_{};
  std::array<std::size_t, tasks_max> choices_{};
};

}  // namespace mneme::inline MNEME_SETTINGS::testing
