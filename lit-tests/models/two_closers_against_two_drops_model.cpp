// RUN: %model | FileCheck %s
// RUN: %fails --weaken=waker.is_running | FileCheck %s --check-prefix=RACE
// RUN: %fails --weaken=waker.done | FileCheck %s --check-prefix=RACE
// RUN: %fails --lose=waker.begin | FileCheck %s --check-prefix=RACE
// CHECK: two_closers_against_two_drops: 1 preemption: {{([0-9]{4,})}} interleavings, no failure
// CHECK-NEXT: two_closers_against_two_drops: random: 4000 interleavings, no failure
// RACE: two_closers_against_two_drops: {{.*}}: {{DATA RACE|USER ASSERT FAILED}} in interleaving
// purpose: shows that a request can be destroyed during two closes: P5, P13.
// layer: tests; includes everything.
// threads: two close the full heap; two destroy a waiting request each.
// invariants: no waker runs after the destruction of its request, or on an unexpected thread.
#include "Inputs/world.hpp"

using namespace mneme;

namespace {

struct TwoClosersAgainstTwoDrops : model::World<TwoClosersAgainstTwoDrops, 4, 1> {
  void* first = nullptr;
  model::Task dropped[2];

  void before() {
    first = live_block();
    for (model::Task& task : dropped) task.wait(*heap);
  }

  void thread(unsigned id) {
    if (id < 2) {
      heap->close();
    } else {
      dropped[id - 2].end();
    }
  }

  void after() {
    for (const model::Task& task : dropped) RL_ASSERT(task.wakes() <= 1);
    free(first);
    check_all_came_back();
  }
};

}  // namespace

const model::Searched<TwoClosersAgainstTwoDrops> two_closers_against_two_drops{{.preemptions = 1}};
