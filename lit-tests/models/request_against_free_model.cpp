// RUN: %model | FileCheck %s
// RUN: %fails --weaken=request.repoll | FileCheck %s --check-prefix=RACE
// RUN: %fails --weaken=request.complete | FileCheck %s --check-prefix=RACE
// RUN: %fails --lose=request.complete | FileCheck %s --check-prefix=WRONG
// CHECK: request_against_free: 4 preemptions: {{([0-9]{5,})}} interleavings, no failure
// CHECK-NEXT: request_against_free: random: 4000 interleavings, no failure
// RACE: request_against_free: {{.*}}: DATA RACE in interleaving
// WRONG: request_against_free: {{.*}}: DEADLOCK in interleaving
// purpose: shows that no free slips in between a request's failed attempt and its wait: P1.
// layer: tests; includes everything.
// threads: one requests memory, polls again, and sleeps until it is woken; one frees everything.
// invariants: the request is granted by the free, or at once; in the first case it is woken.
#include "Inputs/world.hpp"

using namespace mneme;

namespace {

struct RequestAgainstFree : model::World<RequestAgainstFree, 2, 1> {
  void* first = nullptr;
  model::Sleeper task;
  bool waited = false;

  void before() { first = live_block(); }

  void thread(unsigned id) {
    if (id == 0) {
      task.begin(*heap);
      waited = !task.poll();
      if (waited && !task.poll()) task.sleep();
      task.free();
    } else {
      free(first);
    }
  }

  void after() {
    RL_ASSERT(waited ? task.wakes() == 1 : task.wakes() <= 1);
    check_all_came_back();
  }
};

}  // namespace

const model::Searched<RequestAgainstFree> request_against_free{{.preemptions = 4}};
