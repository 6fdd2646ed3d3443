// RUN: %model | FileCheck %s
// RUN: %fails --lose=waker.begin | FileCheck %s --check-prefix=RACE
// RUN: %fails --weaken=spin.lock | FileCheck %s --check-prefix=RACE
// CHECK: three_closers_at_once: 2 preemptions: {{([0-9]{4,})}} interleavings, no failure
// CHECK-NEXT: three_closers_at_once: random: 4000 interleavings, no failure
// RACE: three_closers_at_once: {{.*}}: {{DATA RACE|USER ASSERT FAILED}} in interleaving
// purpose: shows that three closes complete a request, and call its waker, once: P13.
// layer: tests; includes everything.
// threads: three close the full heap.
// invariants: both requests are closed, in order; all three see one reason.
#include "Inputs/world.hpp"

using namespace mneme;

namespace {

struct ThreeClosersAtOnce : model::World<ThreeClosersAtOnce, 3, 1> {
  void* first = nullptr;
  model::Task tasks[2];
  std::size_t seen[3]{};

  void before() {
    first = live_block();
    for (model::Task& task : tasks) task.wait(*heap);
  }

  void thread(unsigned id) {
    heap->close(id + 1);
    seen[id] = heap->close_reason();
  }

  void after() {
    for (const std::size_t reason : seen) RL_ASSERT(reason == seen[0] && reason != 0);
    for (model::Task& task : tasks) RL_ASSERT(task.wakes() == 1 && task.poll() && task.closed());
    free(first);
    check_all_came_back();
  }
};

}  // namespace

const model::Searched<ThreeClosersAtOnce> three_closers_at_once{{.preemptions = 2}};
