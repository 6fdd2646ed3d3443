// RUN: %model | FileCheck %s
// RUN: %fails --lose=lock.post_or_acquire | FileCheck %s --check-prefix=DEAD
// RUN: %fails --weaken=spin.unlock | FileCheck %s --check-prefix=RACE
// CHECK: group_against_frees: 2 preemptions: {{([0-9]{4,})}} interleavings, no failure
// CHECK-NEXT: group_against_frees: random: 4000 interleavings, no failure
// DEAD: group_against_frees: {{.*}}: DEADLOCK in interleaving
// RACE: group_against_frees: {{.*}}: DATA RACE in interleaving
// purpose: shows that a group is granted by whichever free makes room for its last part: P1.
// layer: tests; includes everything.
// threads: two free a unit each; one begins the group, and sleeps until it has both.
// invariants: the group has both units, once.
#include "Inputs/group.hpp"

using namespace mneme;

namespace {

struct GroupAgainstFrees : model::World<GroupAgainstFrees, 3, 2> {
  std::array<void*, 2> live{};
  model::Group group;

  void before() {
    for (void*& each : live) each = live_block();
  }

  void thread(unsigned id) {
    if (id < 2) return free(live[id]);
    group.begin(*heap);
    group.sleep();
    group.free();
  }

  void after() {
    RL_ASSERT(group.wakes() <= 1);
    check_all_came_back();
  }
};

}  // namespace

const model::Searched<GroupAgainstFrees> group_against_frees{{.preemptions = 2}};
