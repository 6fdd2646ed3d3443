// RUN: %model | FileCheck %s
// RUN: %fails --weaken=request.resume | FileCheck %s --check-prefix=RACE
// CHECK: coroutine_against_its_waker: 4 preemptions: {{([0-9]{5,})}} interleavings, no failure
// CHECK-NEXT: coroutine_against_its_waker: random: 4000 interleavings, no failure
// RACE: coroutine_against_its_waker: {{.*}}: DATA RACE in interleaving
// purpose: shows that a waker may have its coroutine resumed at once on another thread.
// layer: tests; includes everything.
// threads: one frees; its waker signals the other, which resumes the coroutine and ends it.
// invariants: the granter does not touch the request, in the frame, once it calls the waker.
#include "Inputs/coroutine.hpp"

using namespace mneme;

namespace {

struct CoroutineAgainstItsWaker : model::World<CoroutineAgainstItsWaker, 2, 1> {
  void* first = nullptr;
  model::Coroutine task;
  // Relaxed, so that what the coroutine sees of its memory it sees by the request's own orders.
  Atomic<bool> told{false};
  std::coroutine_handle<> parked;
  bool done = false;

  /// Notes the coroutine, and awaits what it is given.
  struct Note {
    std::coroutine_handle<>& to;
    [[nodiscard]] bool await_ready() const { return false; }
    [[nodiscard]] bool await_suspend(std::coroutine_handle<> handle) const {
      to = handle;
      return false;
    }
    void await_resume() const {}
  };

  model::Coroutine wait_and_free() {
    co_await Note{parked};
    const Waker waker{.wake =
                          [](void* told) noexcept {
                            static_cast<Atomic<bool>*>(told)->store(true,
                                                                    std::memory_order_relaxed);
                          },
                      .context = &told};
    auto block = co_await heap->allocate(model::unit).wake_by(waker);
    RL_ASSERT(block);
    model::use(block->data());
    done = true;
  }

  void before() {
    first = live_block();
    task = wait_and_free();
  }

  void thread(unsigned id) {
    if (id == 0) {
      free(first);
    } else if (told.load(std::memory_order_relaxed)) {
      parked.resume();
      task = {};
    }
  }

  void after() {
    RL_ASSERT(told.load(std::memory_order_relaxed));
    if (!done) parked.resume();
    RL_ASSERT(done);
    check_all_came_back();
  }
};

}  // namespace

const model::Searched<CoroutineAgainstItsWaker> coroutine_against_its_waker{{.preemptions = 4}};
