// RUN: %model | FileCheck %s
// RUN: %fails --weaken=spin.unlock | FileCheck %s --check-prefix=RACE
// RUN: %fails --lose=lock.post_or_acquire | FileCheck %s --check-prefix=STUCK
// CHECK: on_ready_against_poll: 2 preemptions: {{([0-9]{5,})}} interleavings, no failure
// CHECK-NEXT: on_ready_against_poll: random: 4000 interleavings, no failure
// RACE: on_ready_against_poll: {{.*}}: DATA RACE in interleaving
// STUCK: on_ready_against_poll: {{.*}}: DEADLOCK in interleaving
// purpose: shows that a loop which polls only when on_ready wakes it leaves no coroutine behind.
// layer: tests; includes everything.
// threads: one frees two blocks; one sleeps until it is woken, and polls; three coroutines wait.
// invariants: a wakeup that meets a poll which is just emptying the list is not lost.
#include "Inputs/coroutine.hpp"

#include <mneme/waiting/on_ready.hpp>

using namespace mneme;

namespace {

struct OnReadyAgainstPoll : model::World<OnReadyAgainstPoll, 2, 2> {
  void* blocks[2] = {};
  model::Coroutine tasks[3];
  model::Bell bell;
  std::optional<OnReady<model::Heap>> hook;
  int resumed = 0;

  // The first one to end makes room for the last one, while the second may be in the list.
  model::Coroutine wait_and_free() {
    auto block = co_await heap->allocate(model::unit);
    RL_ASSERT(block.has_value());
    model::use(block->data());
    ++resumed;
  }

  void before() {
    for (void*& block : blocks) block = live_block();
    for (model::Coroutine& task : tasks) task = wait_and_free();
    hook.emplace(*heap,
                 Waker{.wake = [](void* own) noexcept { static_cast<model::Bell*>(own)->ring(); },
                       .context = &bell});
  }

  void thread(unsigned id) {
    if (id == 0) {
      for (void* block : blocks) free(block);
    } else {
      while (resumed < 3) {
        bell.wait();
        heap->poll();
      }
    }
  }

  void after() {
    RL_ASSERT(resumed == 3);
    hook.reset();
    check_all_came_back();
  }
};

}  // namespace

const model::Searched<OnReadyAgainstPoll> on_ready_against_poll{{.preemptions = 2}};
