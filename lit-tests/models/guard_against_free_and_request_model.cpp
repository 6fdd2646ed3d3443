// RUN: %model | FileCheck %s
// RUN: %fails --weaken=lock.release | FileCheck %s --check-prefix=RACE
// RUN: %fails --lose=lock.post_or_acquire | FileCheck %s --check-prefix=WRONG
// CHECK: guard_against_free_and_request: 3 preemptions: {{([0-9]{5,})}} interleavings, no failure
// CHECK-NEXT: guard_against_free_and_request: random: 4000 interleavings, no failure
// RACE: guard_against_free_and_request: {{.*}}: DATA RACE in interleaving
// WRONG: guard_against_free_and_request: {{.*}}: USER ASSERT FAILED in interleaving
// purpose: shows that frees and requests during a guard take effect when it ends.
// layer: tests; includes everything.
// threads: one holds a guard, allocates past the queue, and frees; one frees; one requests memory.
// invariants: no other thread uses the raw heap meanwhile, and the request is granted in the end.
#include "Inputs/world.hpp"

using namespace mneme;

namespace {

struct GuardAgainstFreeAndRequest : model::World<GuardAgainstFreeAndRequest, 3, 1> {
  void* first = nullptr;
  model::Task task;

  void before() { first = live_block(); }

  void thread(unsigned id) {
    if (id == 0) {
      auto guard = heap->try_lock();
      if (!guard) return;
      if (void* const second = guard.allocate(model::unit); second != nullptr) free(second);
    } else if (id == 1) {
      free(first);
    } else {
      task.begin(*heap);
      task.poll();
    }
  }

  void after() {
    RL_ASSERT(task.has_memory() || (task.wakes() == 1 && task.poll()));
    task.free();
    check_all_came_back();
  }
};

}  // namespace

const model::Searched<GuardAgainstFreeAndRequest> guard_against_free_and_request{{}};
