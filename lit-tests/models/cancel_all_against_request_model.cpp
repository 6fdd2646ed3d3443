// RUN: %model | FileCheck %s
// RUN: %fails --lose=lock.post_or_acquire | FileCheck %s --check-prefix=DEAD
// RUN: %fails --weaken=spin.lock | FileCheck %s --check-prefix=RACE
// CHECK: cancel_all_against_request: 2 preemptions: {{([0-9]{4,})}} interleavings, no failure
// CHECK-NEXT: cancel_all_against_request: random: 4000 interleavings, no failure
// DEAD: cancel_all_against_request: {{.*}}: DEADLOCK in interleaving
// RACE: cancel_all_against_request: {{.*}}: DATA RACE in interleaving
// purpose: shows that no task sleeps on that asks while all requests are cancelled: P1.
// layer: tests; includes everything.
// threads: one cancels all; one asks, and sleeps until that is complete; one frees the only unit.
// invariants: the request has the unit, or is cancelled.
#include "Inputs/world.hpp"

#include <mneme/waiting/cancel_all.hpp>

using namespace mneme;

namespace {

struct CancelAllAgainstRequest : model::World<CancelAllAgainstRequest, 3, 1> {
  void* live = nullptr;
  model::Sleeper task;

  void before() { live = live_block(); }

  void thread(unsigned id) {
    switch (id) {
      case 0: heap->cancel_all(); break;
      case 1:
        task.begin(*heap);
        task.sleep();
        break;
      default: free(live);
    }
  }

  void after() {
    RL_ASSERT(task.wakes() <= 1);
    if (task.has_memory()) task.free();
    check_all_came_back();
  }
};

}  // namespace

const model::Searched<CancelAllAgainstRequest> cancel_all_against_request{{.preemptions = 2}};
