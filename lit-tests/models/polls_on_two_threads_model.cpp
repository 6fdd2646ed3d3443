// RUN: %model | FileCheck %s
// RUN: %fails --weaken=spin.unlock | FileCheck %s --check-prefix=RACE
// RUN: %fails --lose=spin.lock | FileCheck %s --check-prefix=RACE
// CHECK: polls_on_two_threads: {{[23]}} preemptions: {{([0-9]{4,})}} interleavings, no failure
// CHECK-NEXT: polls_on_two_threads: random: 4000 interleavings, no failure
// RACE: polls_on_two_threads: {{.*}}: DATA RACE in interleaving
// purpose: shows that polls on two threads resume each granted coroutine once, with its memory.
// layer: tests; includes everything.
// threads: one frees the only block and polls, one polls; two coroutines wait.
// invariants: a coroutine sees its memory on any thread that resumes it.
#include "Inputs/coroutine.hpp"

using namespace mneme;

namespace {

struct PollsOnTwoThreads : model::World<PollsOnTwoThreads, 2, 1> {
  void* first = nullptr;
  model::Coroutine tasks[2];
  int resumed = 0;

  model::Coroutine wait_and_free(int place) {
    auto block = co_await heap->allocate(model::unit);
    RL_ASSERT(block && resumed++ == place);
    model::use(block->data());
  }

  void before() {
    first = live_block();
    for (int i = 0; i < 2; ++i) tasks[i] = wait_and_free(i);
  }

  void thread(unsigned id) {
    if (id == 0) free(first);
    heap->poll();
  }

  void after() {
    while (heap->poll() > 0) {
    }
    RL_ASSERT(resumed == 2 && tasks[0].done() && tasks[1].done());
    check_all_came_back();
  }
};

}  // namespace

const model::Searched<PollsOnTwoThreads> polls_on_two_threads{{.brief = 2}};
