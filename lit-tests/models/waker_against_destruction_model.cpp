// RUN: %model | FileCheck %s
// RUN: %fails --weaken=waker.done | FileCheck %s --check-prefix=RACE
// RUN: %fails --weaken=waker.await | FileCheck %s --check-prefix=RACE
// RUN: %fails --lose=waker.begin | FileCheck %s --check-prefix=RACE
// CHECK: waker_against_destruction: 4 preemptions: {{([0-9]{5,})}} interleavings, no failure
// CHECK-NEXT: waker_against_destruction: random: 4000 interleavings, no failure
// RACE: waker_against_destruction: {{.*}}: DATA RACE in interleaving
// purpose: shows that a waker is called at most once, and never after its request.
// layer: tests; includes everything.
// threads: one frees, which calls the waker; one destroys the request, and what its waker uses.
// invariants: the destructor waits for a waker that is running.
#include "Inputs/world.hpp"

using namespace mneme;

namespace {

struct WakerAgainstDestruction : model::World<WakerAgainstDestruction, 2, 1> {
  void* first = nullptr;
  model::Task task;

  void before() {
    first = live_block();
    task.wait(*heap);
  }

  void thread(unsigned id) {
    if (id == 0) {
      free(first);
    } else {
      task.end();
    }
  }

  void after() {
    RL_ASSERT(task.wakes() <= 1);
    check_all_came_back();
  }
};

}  // namespace

const model::Searched<WakerAgainstDestruction> waker_against_destruction{{.preemptions = 4}};
