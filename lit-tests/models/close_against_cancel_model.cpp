// RUN: %model | FileCheck %s
// RUN: %fails --weaken=spin.unlock | FileCheck %s --check-prefix=RACE
// RUN: %fails --weaken=waker.done | FileCheck %s --check-prefix=RACE
// RUN: %fails --lose=waker.begin | FileCheck %s --check-prefix=RACE
// CHECK: close_against_cancel: 3 preemptions: {{([0-9]{5,})}} interleavings, no failure
// CHECK-NEXT: close_against_cancel: random: 4000 interleavings, no failure
// RACE: close_against_cancel: {{.*}}: DATA RACE in interleaving
// purpose: shows that a close and a cancel complete a request once: P13.
// layer: tests; includes everything.
// threads: one closes the full heap; one destroys the request that waits first.
// invariants: no waker is called after its request; the second request is closed once.
#include "Inputs/world.hpp"

using namespace mneme;

namespace {

struct CloseAgainstCancel : model::World<CloseAgainstCancel, 2, 1> {
  void* first = nullptr;
  model::Task cancelled;
  model::Task behind;

  void before() {
    first = live_block();
    for (model::Task* task : {&cancelled, &behind}) task->wait(*heap);
  }

  void thread(unsigned id) {
    if (id == 0) {
      heap->close();
    } else {
      cancelled.end();
    }
  }

  void after() {
    RL_ASSERT(cancelled.wakes() <= 1);
    RL_ASSERT(behind.wakes() == 1 && behind.poll() && behind.closed());
    free(first);
    check_all_came_back();
  }
};

}  // namespace

const model::Searched<CloseAgainstCancel> close_against_cancel{{.preemptions = 3}};
