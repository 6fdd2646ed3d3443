// RUN: %model | FileCheck %s
// RUN: %fails --lose=ready_queue.post | FileCheck %s --check-prefix=STUCK
// RUN: %fails --lose=lock.post_or_acquire | FileCheck %s --check-prefix=LEFT
// CHECK: two_loops_on_one_heap: 2 preemptions: {{([0-9]{4,})}} interleavings, no failure
// CHECK-NEXT: two_loops_on_one_heap: random: 4000 interleavings, no failure
// LEFT: two_loops_on_one_heap: {{.*}}: USER ASSERT FAILED in interleaving
// STUCK: two_loops_on_one_heap: {{.*}}: DEADLOCK in interleaving
// purpose: shows that resume_on resumes each coroutine on the thread of its loop, with its memory.
// layer: tests; includes everything.
// threads: two event loops, with a coroutine each; one of them frees what both wait for.
// invariants: nobody polls the heap, and nobody waits for ever.
#include "Inputs/coroutine.hpp"

#include <mneme/waiting/resume_on.hpp>

using namespace mneme;

namespace {

struct Loop {
  model::Bell bell;
  ReadyQueue queue{Waker{.wake = [](void* own) noexcept { static_cast<Loop*>(own)->bell.ring(); },
                         .context = this}};
  model::Coroutine task;
  model::Ghost own_thread;  // everything that only the loop's thread may touch
  bool done = false;
};

struct TwoLoopsOnOneHeap : model::World<TwoLoopsOnOneHeap, 2, 1> {
  void* first = nullptr;
  Loop loops[2];

  model::Coroutine wait_and_free(Loop& own) {
    auto block = co_await heap->allocate(model::unit).resume_on(own.queue);
    RL_ASSERT(block.has_value());
    model::use(block->data());
    own.own_thread.touch();
    own.done = true;
  }

  void before() {
    first = live_block();
    for (Loop& loop : loops) loop.task = wait_and_free(loop);
  }

  void thread(unsigned id) {
    Loop& own = loops[id];
    own.own_thread.touch();
    if (id == 0) free(first);
    while (!own.done) {
      own.bell.wait();
      own.queue.run();
      own.own_thread.touch();
    }
  }

  void after() {
    RL_ASSERT(loops[0].task.done() && loops[1].task.done());
    check_all_came_back();
  }
};

}  // namespace

const model::Searched<TwoLoopsOnOneHeap> two_loops_on_one_heap{{.preemptions = 2}};
