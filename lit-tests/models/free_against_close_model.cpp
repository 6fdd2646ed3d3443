// RUN: %model | FileCheck %s
// RUN: %fails --lose=closed.set | FileCheck %s --check-prefix=WRONG
// CHECK: free_against_close: 4 preemptions: {{([0-9]{5,})}} interleavings, no failure
// CHECK-NEXT: free_against_close: random: 4000 interleavings, no failure
// WRONG: free_against_close: {{.*}}: USER ASSERT FAILED in interleaving
// purpose: shows that a free and a close that race complete each request once: P13.
// layer: tests; includes everything.
// threads: one frees the only block, one closes the heap; two requests wait from the beginning.
// invariants: the first is granted or closed, the second closed; each is woken once.
#include "Inputs/world.hpp"

using namespace mneme;

namespace {

struct FreeAgainstClose : model::World<FreeAgainstClose, 2, 1> {
  void* first = nullptr;
  model::Task tasks[2];

  void before() {
    first = live_block();
    for (model::Task& task : tasks) task.wait(*heap);
  }

  void thread(unsigned id) {
    if (id == 0) {
      free(first);
    } else {
      heap->close();
    }
  }

  void after() {
    for (model::Task& task : tasks) RL_ASSERT(task.wakes() == 1 && task.poll());
    RL_ASSERT(tasks[0].closed() || tasks[0].has_memory());
    RL_ASSERT(tasks[1].closed());
    if (tasks[0].has_memory()) tasks[0].free();
    check_all_came_back();
  }
};

}  // namespace

const model::Searched<FreeAgainstClose> free_against_close{{.preemptions = 4}};
