// RUN: %model | FileCheck %s
// RUN: %fails --weaken=spin.lock | FileCheck %s --check-prefix=RACE
// RUN: %fails --lose=lock.post_or_acquire | FileCheck %s --check-prefix=WRONG
// CHECK: waker_asks_again: 4 preemptions: {{([0-9]{5,})}} interleavings, no failure
// CHECK-NEXT: waker_asks_again: random: 4000 interleavings, no failure
// RACE: waker_asks_again: {{.*}}: DATA RACE in interleaving
// WRONG: waker_asks_again: {{.*}}: USER ASSERT FAILED in interleaving
// purpose: shows that a waker may request memory, and queues last: rewait-during-wake.
// layer: tests; includes everything.
// threads: one frees the only block; one cancels a request in the middle of the queue.
// invariants: the new request waits behind all others; no waker is called twice.
#include "Inputs/world.hpp"

using namespace mneme;

namespace {

struct WakerAsksAgain : model::World<WakerAsksAgain, 2, 1> {
  void* first = nullptr;
  model::Task tasks[3];
  model::Task again;

  void before() {
    first = live_block();
    tasks[0].argument = this;
    tasks[0].on_wake = [](void* argument) {
      auto& self = *static_cast<WakerAsksAgain*>(argument);
      self.again.wait(*self.heap);
    };
    for (model::Task& task : tasks) task.wait(*heap);
  }

  void thread(unsigned id) {
    if (id == 0) {
      free(first);
    } else {
      tasks[1].end();
    }
  }

  void after() {
    RL_ASSERT(tasks[0].wakes() == 1 && tasks[1].wakes() == 0);
    for (model::Task* task : {&tasks[0], &tasks[2], &again}) task->finish();
    check_all_came_back();
  }
};

}  // namespace

const model::Searched<WakerAsksAgain> waker_asks_again{{.preemptions = 4}};
