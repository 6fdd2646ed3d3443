// RUN: %model | FileCheck %s
// RUN: %fails --weaken=spin.lock | FileCheck %s --check-prefix=RACE
// RUN: %fails --lose=closed.set | FileCheck %s --check-prefix=WRONG
// CHECK: close_against_request: 2 preemptions: {{([0-9]{5,})}} interleavings, no failure
// CHECK-NEXT: close_against_request: random: 4000 interleavings, no failure
// RACE: close_against_request: {{.*}}: DATA RACE in interleaving
// WRONG: close_against_request: {{.*}}: DEADLOCK in interleaving
// purpose: shows that a close completes waiting and new requests, so that no task sleeps on: P13.
// layer: tests; includes everything.
// threads: one closes the full heap; two request memory, and sleep until the requests complete.
// invariants: each waiting task is woken once; all requests are closed.
#include "Inputs/world.hpp"

using namespace mneme;

namespace {

struct CloseAgainstRequest : model::World<CloseAgainstRequest, 3, 1> {
  void* first = nullptr;
  model::Sleeper tasks[2];
  bool waited[2] = {};

  void before() { first = live_block(); }

  void thread(unsigned id) {
    if (id == 2) {
      heap->close();
      return;
    }
    tasks[id].begin(*heap);
    waited[id] = !tasks[id].poll();
    if (waited[id]) tasks[id].sleep();
  }

  void after() {
    for (int i = 0; i < 2; ++i) {
      RL_ASSERT(tasks[i].closed() && tasks[i].wakes() <= 1);
    }
    free(first);
    check_all_came_back();
  }
};

}  // namespace

const model::Searched<CloseAgainstRequest> close_against_request{{.preemptions = 2}};
