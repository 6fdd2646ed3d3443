// RUN: %model | FileCheck %s
// RUN: %fails --weaken=spin.unlock | FileCheck %s --check-prefix=RACE
// RUN: %fails --weaken=spin.lock | FileCheck %s --check-prefix=RACE
// CHECK: group_against_close: 3 preemptions: {{([0-9]{4,})}} interleavings, no failure
// CHECK-NEXT: group_against_close: random: 4000 interleavings, no failure
// RACE: group_against_close: {{.*}}: DATA RACE in interleaving
// purpose: shows that a close completes a group as a whole, with both units or with none: P13.
// layer: tests; includes everything.
// threads: one frees the unit that the group lacks; one closes the heap.
// invariants: its waker is called once.
#include "Inputs/group.hpp"

using namespace mneme;

namespace {

struct GroupAgainstClose : model::World<GroupAgainstClose, 2, 2> {
  void* live = nullptr;
  model::Group group;

  void before() {
    live = live_block();
    group.wait(*heap);
  }

  void thread(unsigned id) { id == 0 ? free(live) : heap->close(); }

  void after() {
    RL_ASSERT(group.wakes() == 1 && group.poll());
    RL_ASSERT(group.has_memory() || group.error() == AllocError::closed);
    if (group.has_memory()) group.free();
    check_all_came_back();
  }
};

}  // namespace

const model::Searched<GroupAgainstClose> group_against_close{{.preemptions = 3}};
