// RUN: %model | FileCheck %s
// RUN: %fails --weaken=lock.acquire | FileCheck %s --check-prefix=RACE
// RUN: %fails --lose=lock.post_or_acquire | FileCheck %s --check-prefix=STUCK
// CHECK: take_and_free_in_turn: {{[23]}} preemptions: {{([0-9]{3,})}} interleavings, no failure
// CHECK-NEXT: take_and_free_in_turn: random: 4000 interleavings, no failure
// RACE: take_and_free_in_turn: {{.*}}: DATA RACE in interleaving
// STUCK: take_and_free_in_turn: {{.*}}: {{DEADLOCK|USER ASSERT FAILED}} in interleaving
// purpose: shows that two tasks that share one block both finish: no wakeup is lost (P1).
// layer: tests; includes everything.
// threads: two take the only block and free it, twice each; a task that must wait sleeps.
// invariants: each waits for the other as often as it has to.
#include "Inputs/world.hpp"

using namespace mneme;

namespace {

struct TakeAndFreeInTurn : model::World<TakeAndFreeInTurn, 2, 1> {
  model::Sleeper tasks[2][2];

  void thread(unsigned id) {
    for (model::Sleeper& task : tasks[id]) task.take_and_free(*heap);
  }

  void after() { check_all_came_back(); }
};

}  // namespace

const model::Searched<TakeAndFreeInTurn> take_and_free_in_turn{{.brief = 2}};
