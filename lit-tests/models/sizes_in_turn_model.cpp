// RUN: %model | FileCheck %s
// RUN: %fails --weaken=spin.unlock | FileCheck %s --check-prefix=RACE
// RUN: %fails --lose=lock.post_or_acquire | FileCheck %s --check-prefix=STUCK
// CHECK: sizes_in_turn: 2 preemptions: {{([0-9]{4,})}} interleavings, no failure
// CHECK-NEXT: sizes_in_turn: random: 4000 interleavings, no failure
// RACE: sizes_in_turn: {{.*}}: DATA RACE in interleaving
// STUCK: sizes_in_turn: {{.*}}: {{DEADLOCK|USER ASSERT FAILED}} in interleaving
// purpose: shows that requests for 2, 4 and 3 of 4 units, which exclude each other, all succeed.
// layer: tests; includes everything.
// threads: three take and free a block each; a task that must wait sleeps.
// invariants: all threads finish, and the region is one hole again (P1, P9).
#include "Inputs/world.hpp"

using namespace mneme;

namespace {

struct SizesInTurn : model::World<SizesInTurn, 3, 4> {
  static constexpr Layout layouts[] = {model::two_units, model::four_units, model::three_units};
  model::Sleeper tasks[3];

  void thread(unsigned id) { tasks[id].take_and_free(*heap, layouts[id]); }

  void after() { check_all_came_back(); }
};

}  // namespace

const model::Searched<SizesInTurn> sizes_in_turn{{.preemptions = 2}};
