// RUN: %model | FileCheck %s
// RUN: %fails --lose=waker.done | FileCheck %s --check-prefix=STUCK
// CHECK: wakers_cancel_each_other: 3 preemptions: {{([0-9]{4,})}} interleavings, no failure
// CHECK-NEXT: wakers_cancel_each_other: random: 4000 interleavings, no failure
// STUCK: wakers_cancel_each_other: {{.*}}: LIVELOCK in interleaving
// purpose: shows that wakers on two threads may cancel each other's requests (libunifex 670).
// layer: tests; includes everything.
// threads: one frees, which grants the first request; one closes, which ends the rest.
// invariants: no waker waits for the other; the memory of the granted request is freed.
#include "Inputs/world.hpp"

using namespace mneme;

namespace {

struct WakersCancelEachOther : model::World<WakersCancelEachOther, 2, 1> {
  void* first = nullptr;
  model::Task one;
  model::Task other;

  void before() {
    first = live_block();
    const auto cancel = [](void* task) { static_cast<model::Task*>(task)->cancel(); };
    one.on_wake = cancel;
    one.argument = &other;
    other.on_wake = cancel;
    other.argument = &one;
    for (model::Task* task : {&one, &other}) task->wait(*heap);
  }

  void thread(unsigned id) {
    if (id == 0) {
      free(first);
    } else {
      heap->close();
    }
  }

  void after() {
    RL_ASSERT(one.wakes() == 1 || other.wakes() == 1);
    RL_ASSERT(one.wakes() <= 1 && other.wakes() <= 1);
    for (model::Task* task : {&one, &other}) task->end();
    check_all_came_back();
  }
};

}  // namespace

const model::Searched<WakersCancelEachOther> wakers_cancel_each_other{{.preemptions = 3}};
