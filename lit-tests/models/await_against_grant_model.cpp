// RUN: %model | FileCheck %s
// RUN: %fails --weaken=request.resume | FileCheck %s --check-prefix=RACE
// RUN: %fails --lose=spin.unlock | FileCheck %s --check-prefix=STUCK
// CHECK: await_against_grant: 3 preemptions: {{([0-9]{5,})}} interleavings, no failure
// CHECK-NEXT: await_against_grant: random: 4000 interleavings, no failure
// RACE: await_against_grant: {{.*}}: DATA RACE in interleaving
// STUCK: await_against_grant: {{.*}}: LIVELOCK in interleaving
// purpose: shows that a request may be polled first, awaited later, and granted at any moment.
// layer: tests; includes everything.
// threads: one polls a request, then awaits it; one frees the only block, and polls.
// invariants: the coroutine continues once, and sees its memory.
#include "Inputs/coroutine.hpp"

using namespace mneme;

namespace {

struct AwaitAgainstGrant : model::World<AwaitAgainstGrant, 2, 1> {
  void* first = nullptr;
  model::Coroutine task;
  int wakes = 0;
  bool used = false;

  model::Coroutine poll_then_await() {
    auto request = heap->allocate(model::unit);
    const Waker waker{.wake = [](void* count) noexcept { ++*static_cast<int*>(count); },
                      .context = &wakes};
    auto answer = request.poll(waker);
    if (!answer) answer = co_await request;
    RL_ASSERT(*answer && !used);
    model::use((*answer)->data());
    used = true;
  }

  void before() { first = live_block(); }

  void thread(unsigned id) {
    if (id == 0) {
      task = poll_then_await();
    } else {
      free(first);
      heap->poll();
    }
  }

  void after() {
    heap->poll();
    RL_ASSERT(used && task.done() && wakes <= 1);
    check_all_came_back();
  }
};

}  // namespace

const model::Searched<AwaitAgainstGrant> await_against_grant{{}};
