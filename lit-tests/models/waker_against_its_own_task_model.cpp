// RUN: %model | FileCheck %s
// RUN: %fails --weaken=waker.done | FileCheck %s --check-prefix=RACE
// RUN: %fails --weaken=request.complete | FileCheck %s --check-prefix=RACE
// CHECK: waker_against_its_own_task: 4 preemptions: {{([0-9]{5,})}} interleavings, no failure
// CHECK-NEXT: waker_against_its_own_task: random: 4000 interleavings, no failure
// RACE: waker_against_its_own_task: {{.*}}: DATA RACE in interleaving
// purpose: shows that a woken task may take its memory and end while the granter is in the waker.
// layer: tests; includes everything.
// threads: one frees; its waker signals the other, which takes, uses and frees at once, and ends.
// invariants: the granter does not access the request after its destruction.
#include "Inputs/world.hpp"

using namespace mneme;

namespace {

struct WakerAgainstItsOwnTask : model::World<WakerAgainstItsOwnTask, 2, 1> {
  void* first = nullptr;
  model::Task task;
  // Relaxed, so that what the task sees of its memory it sees by the request's own orders.
  Atomic<bool> told{false};
  bool done = false;

  void before() {
    first = live_block();
    task.argument = &told;
    task.on_wake = [](void* argument) {
      static_cast<Atomic<bool>*>(argument)->store(true, std::memory_order_relaxed);
    };
    task.wait(*heap);
  }

  void thread(unsigned id) {
    if (id == 0) {
      free(first);
      return;
    }
    if (!told.load(std::memory_order_relaxed)) return;
    RL_ASSERT(task.poll());
    task.free();
    task.end();
    done = true;
  }

  void after() {
    RL_ASSERT(task.wakes() == 1);
    if (!done) task.finish();
    check_all_came_back();
  }
};

}  // namespace

const model::Searched<WakerAgainstItsOwnTask> waker_against_its_own_task{{.preemptions = 4}};
