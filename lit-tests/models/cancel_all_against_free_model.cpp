// RUN: %model | FileCheck %s
// RUN: %fails --weaken=spin.unlock | FileCheck %s --check-prefix=RACE
// RUN: %fails --weaken=spin.lock | FileCheck %s --check-prefix=RACE
// CHECK: cancel_all_against_free: 3 preemptions: {{([0-9]{4,})}} interleavings, no failure
// CHECK-NEXT: cancel_all_against_free: random: 4000 interleavings, no failure
// RACE: cancel_all_against_free: {{.*}}: DATA RACE in interleaving
// purpose: shows that a free and a cancel_all complete each request once, and lose no memory: P5.
// layer: tests; includes everything.
// threads: one frees the only unit, for which two requests wait; one cancels all.
// invariants: each waker is called once; the unit is granted once at most.
#include "Inputs/world.hpp"

#include <mneme/waiting/cancel_all.hpp>

using namespace mneme;

namespace {

struct CancelAllAgainstFree : model::World<CancelAllAgainstFree, 2, 1> {
  void* live = nullptr;
  std::array<model::Task, 2> tasks;

  void before() {
    live = live_block();
    for (model::Task& task : tasks) task.wait(*heap);
  }

  void thread(unsigned id) { id == 0 ? free(live) : heap->cancel_all(); }

  void after() {
    for (model::Task& task : tasks) {
      RL_ASSERT(task.wakes() == 1 && task.poll());
      if (task.has_memory()) task.free();
    }
    check_all_came_back();
  }
};

}  // namespace

const model::Searched<CancelAllAgainstFree> cancel_all_against_free{{.preemptions = 3}};
