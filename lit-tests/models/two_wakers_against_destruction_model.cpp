// RUN: %model | FileCheck %s
// RUN: %fails --weaken=waker.begin | FileCheck %s --check-prefix=RACE
// CHECK: {{[23]}} preemptions: {{[0-9]{3}.*}} interleavings, no failure
// CHECK-NEXT: two_wakers_against_destruction: random: 4000 interleavings, no failure
// RACE: two_wakers_against_destruction: {{.*}}: DATA RACE in interleaving
// purpose: shows that seeing the next waker run implies that the previous one has returned.
// layer: tests; includes everything.
// threads: two free a unit each, and each calls a waker; one destroys the first request.
// invariants: the destructor waits for the first waker, not for the second.
#include "Inputs/world.hpp"

using namespace mneme;

namespace {

struct TwoWakersAgainstDestruction : model::World<TwoWakersAgainstDestruction, 3, 2> {
  void* blocks[2]{};
  model::Task tasks[2];

  void before() {
    for (void*& each : blocks) each = live_block();
    tasks[0].wait(*heap);
    tasks[1].wait(*heap, model::two_units);
  }

  void thread(unsigned id) {
    if (id < 2) {
      free(blocks[id]);
    } else {
      tasks[0].end();
    }
  }

  void after() {
    RL_ASSERT(tasks[0].wakes() <= 1);
    tasks[1].finish();
    check_all_came_back();
  }
};

}  // namespace

const model::Searched<TwoWakersAgainstDestruction> two_wakers_against_destruction{
    {.preemptions = 3, .brief = 2}};
