// RUN: %model | FileCheck %s
// RUN: %fails --lose=request.cancelled | FileCheck %s --check-prefix=WRONG
// RUN: %fails --lose=request.claimed | FileCheck %s --check-prefix=WRONG
// CHECK: cancel_against_poll: 3 preemptions: {{([0-9]{4,})}} interleavings, no failure
// CHECK-NEXT: cancel_against_poll: random: 4000 interleavings, no failure
// WRONG: cancel_against_poll: {{.*}} in interleaving
// purpose: shows that a suspended coroutine whose request is cancelled resumes once, by a poll.
// layer: tests; includes everything.
// threads: one cancels the request; one frees the only block, and polls.
// invariants: the coroutine gets either the memory, or `cancelled`, and then the memory is freed.
#include "Inputs/coroutine.hpp"

using namespace mneme;

namespace {

struct CancelAgainstPoll : model::World<CancelAgainstPoll, 2, 1> {
  void* first = nullptr;
  std::optional<Request<model::Heap>> request;
  model::Coroutine task;
  int resumes = 0;

  model::Coroutine wait_and_free() {
    auto block = co_await *request;
    ++resumes;
    if (block) {
      model::use(block->data());
    } else {
      RL_ASSERT(block.error() == AllocError::cancelled);
    }
  }

  void before() {
    first = live_block();
    request.emplace(*heap, model::unit);
    task = wait_and_free();
  }

  void thread(unsigned id) {
    if (id == 0) {
      request->cancel();
    } else {
      free(first);
      heap->poll();
    }
  }

  void after() {
    heap->poll();
    RL_ASSERT(resumes == 1 && task.done());
    check_all_came_back();
  }
};

}  // namespace

const model::Searched<CancelAgainstPoll> cancel_against_poll{{.preemptions = 3}};
