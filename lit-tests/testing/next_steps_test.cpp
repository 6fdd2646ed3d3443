// purpose: shows that each step is there once if tasks are alike, with its weight and its choices.
// layer: tests; includes testing.
// threads: one.
// invariants: none.
// RUN: %build/tests/next_steps_test
#include <doctest/doctest.h>

#include <cstddef>
#include <mneme/testing/next_steps.hpp>
#include <vector>

namespace testing = mneme::testing;

namespace {

/// Of four tasks, 0 and 2 are alike, 1 cannot take a step, and 3 has two choices.
struct FourTasks {
  bool is_over = false;

  [[nodiscard]] static std::size_t task_count() { return 4; }
  [[nodiscard]] bool can_step(std::size_t task) const { return !is_over && task != 1; }
  [[nodiscard]] static std::size_t twin_of(std::size_t task) { return task == 2 ? 0 : task; }
  [[nodiscard]] static std::size_t choices(std::size_t task) { return task == 3 ? 2 : 1; }
};

TEST_CASE("tasks that are alike take one step for all, and each choice is a step") {
  const FourTasks tasks;
  const testing::NextSteps steps(tasks);
  std::vector<testing::Move> moves;
  std::vector<int> weights;
  std::vector<int> choices;
  steps.for_each([&](testing::Move move, testing::Transition edge) {
    moves.push_back(move);
    weights.push_back(edge.weight);
    choices.push_back(edge.choices);
  });
  CHECK(!steps.is_end());
  CHECK(moves == std::vector<testing::Move>{{0, 0}, {3, 0}, {3, 1}});
  CHECK(weights == std::vector{2, 1, 1});
  CHECK(choices == std::vector{1, 2, 2});
}

TEST_CASE("if no task can take a step, it is the end") {
  const FourTasks tasks{.is_over = true};
  const testing::NextSteps steps(tasks);
  CHECK(steps.is_end());
  steps.for_each([](testing::Move, testing::Transition) { CHECK(false); });
}

}  // namespace
