// RUN: %model | FileCheck %s
// RUN: %fails --weaken=spin.lock | FileCheck %s --check-prefix=RACE
// RUN: %fails --lose=lock.post_or_acquire | FileCheck %s --check-prefix=STUCK
// CHECK: a_drop_beside_two_takes: 3 preemptions: {{([0-9]{4,})}} interleavings, no failure
// CHECK-NEXT: a_drop_beside_two_takes: random: 4000 interleavings, no failure
// RACE: a_drop_beside_two_takes: {{.*}}: DATA RACE in interleaving
// STUCK: a_drop_beside_two_takes: {{.*}}: {{DEADLOCK|USER ASSERT FAILED}} in interleaving
// purpose: shows that a request destroyed in any state passes on memory granted to it: P5.
// layer: tests; includes everything.
// threads: one polls once and destroys its request; one takes the only block twice.
// invariants: the second thread finishes; the first is never woken afterwards.
#include "Inputs/world.hpp"

using namespace mneme;

namespace {

struct ADropBesideTwoTakes : model::World<ADropBesideTwoTakes, 2, 1> {
  model::Task dropped;
  model::Sleeper tasks[2];

  void thread(unsigned id) {
    if (id == 0) {
      dropped.begin(*heap);
      if (dropped.poll()) dropped.free();
      dropped.end();
    } else {
      for (model::Sleeper& task : tasks) task.take_and_free(*heap);
    }
  }

  void after() {
    RL_ASSERT(dropped.wakes() <= 1);
    check_all_came_back();
  }
};

}  // namespace

const model::Searched<ADropBesideTwoTakes> a_drop_beside_two_takes{{.preemptions = 3}};
