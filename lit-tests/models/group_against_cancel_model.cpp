// RUN: %model | FileCheck %s
// RUN: %fails --weaken=spin.unlock | FileCheck %s --check-prefix=RACE
// RUN: %fails --lose=lock.post_or_acquire | FileCheck %s --check-prefix=WRONG
// CHECK: group_against_cancel: 3 preemptions: {{([0-9]{4,})}} interleavings, no failure
// CHECK-NEXT: group_against_cancel: random: 4000 interleavings, no failure
// RACE: group_against_cancel: {{.*}}: DATA RACE in interleaving
// WRONG: group_against_cancel: {{.*}}: USER ASSERT FAILED in interleaving
// purpose: shows that cancelling a group during its grant gives back each of its parts: P5.
// layer: tests; includes everything.
// threads: one frees the unit that the group lacks; one cancels the group.
// invariants: the request behind the group, for both units in one piece, is granted by one of them.
#include "Inputs/group.hpp"

using namespace mneme;

namespace {

struct GroupAgainstCancel : model::World<GroupAgainstCancel, 2, 2> {
  void* live = nullptr;
  model::Group group;
  model::Task behind;

  void before() {
    live = live_block();
    group.wait(*heap);
    behind.wait(*heap, model::two_units);
  }

  void thread(unsigned id) { id == 0 ? free(live) : group.cancel(); }

  void after() {
    RL_ASSERT(group.wakes() <= 1);
    behind.finish();
    check_all_came_back();
  }
};

}  // namespace

const model::Searched<GroupAgainstCancel> group_against_cancel{{.preemptions = 3}};
