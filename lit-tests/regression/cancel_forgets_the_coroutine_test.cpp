// RUN: %runner %build/tests/cancel_forgets_the_coroutine_test
// purpose: shows that a coroutine whose request is cancelled resumes, with `cancelled`.
// layer: tests; includes everything.
// threads: none; models/cancel_against_poll_model has those.
// invariants: the heap is as new at the end of each case.
#include <doctest/doctest.h>

#include <optional>
#include <utility>

#include "support/coroutines.hpp"
#include "support/fatal_line.hpp"
#include "support/may_wait.hpp"
#include "support/tasks.hpp"

using namespace mneme;

namespace {

constexpr Layout whole_region{.size = 248, .align = 8};

/// A full heap, and a request beside the coroutine that awaits it.
struct AwaitedRequest {
  alignas(64) std::byte region[256];
  Heap heap{region};
  void* held = heap.try_allocate(whole_region);
  Request<> request{heap, whole_region};
  std::optional<AllocError> error;
  int resumes = 0;

  void free() { heap.free(std::exchange(held, nullptr), whole_region); }
  ~AwaitedRequest() {
    if (held != nullptr) free();
    request.cancel();
    CHECK(tests::whole(heap));
  }

  tests::OpenTask wait() {
    const auto block = co_await request;
    ++resumes;
    if (!block) error = block.error();
  }
};

TEST_CASE("a coroutine whose waiting request is cancelled resumes by the next poll") {
  AwaitedRequest here;
  const tests::OpenTask task = here.wait();
  here.request.cancel();
  here.request.cancel();  // changes nothing
  CHECK_FALSE(task.done());
  CHECK(here.request.state() == RequestState::cancelled);
  CHECK(here.heap.stats().waiting == 0);
  CHECK(here.heap.poll() == 1);
  CHECK(task.done());
  CHECK(here.error == AllocError::cancelled);
  CHECK(here.heap.stats().cancels == 1);
  CHECK(here.heap.poll() == 0);
}

TEST_CASE("a coroutine whose request is cancelled after its grant resumes without the memory") {
  AwaitedRequest here;
  const tests::OpenTask task = here.wait();
  here.free();
  auto behind = here.heap.allocate(whole_region);
  CHECK_FALSE(behind.poll());
  here.request.cancel();
  CHECK(behind.state() == RequestState::granted);
  CHECK(here.heap.poll() == 1);
  CHECK(here.error == AllocError::cancelled);
  CHECK(here.resumes == 1);
}

TEST_CASE("a coroutine whose request is cancelled after a close resumes once") {
  AwaitedRequest here;
  const tests::OpenTask task = here.wait();
  here.heap.close();
  here.request.cancel();
  CHECK(here.heap.poll() == 1);
  CHECK(here.error == AllocError::cancelled);
  CHECK(here.resumes == 1);
}

TEST_CASE("a coroutine with a waker of its own is woken by the cancel, and not made ready") {
  AwaitedRequest here;
  tests::Alarm woken;
  (void)std::move(here.request).wake_by(woken.waker());
  std::coroutine_handle<> suspended;
  const auto wait = [&]() -> tests::OpenTask {
    co_await tests::HandleTo{suspended};
    const auto block = co_await here.request;
    here.error = block.error();
  };
  const tests::OpenTask task = wait();
  here.request.cancel();
  CHECK(woken.rings() == 1);
  here.request.cancel();
  CHECK(woken.rings() == 1);
  CHECK(here.heap.poll() == 0);
  suspended.resume();
  CHECK(here.error == AllocError::cancelled);
}

TEST_CASE("a request that is polled by hand is cancelled by its owner: its waker is not called") {
  AwaitedRequest here;
  tests::Alarm woken;
  CHECK_FALSE(here.request.poll(woken.waker()));
  here.request.cancel();
  CHECK(woken.rings() == 0);
  CHECK(here.request.poll()->error() == AllocError::cancelled);
}

TEST_CASE("a coroutine destroyed between cancel and poll is not resumed") {
  AwaitedRequest here;
  {
    const auto wait = [](AwaitedRequest& world, Request<>*& asked) -> tests::OpenTask {
      auto request = world.heap.allocate(whole_region);
      asked = &request;
      (void)co_await request;
      ++world.resumes;
    };
    Request<>* asked = nullptr;
    const tests::OpenTask task = wait(here, asked);
    asked->cancel();
  }
  CHECK(here.heap.poll() == 0);
  CHECK(here.resumes == 0);
  CHECK(here.heap.stats().cancels == 1);
}

TEST_CASE("a waker cancels the request of a suspended coroutine") {
  AwaitedRequest here;
  struct Canceller {
    Request<>* other;
    static void wake(void* context) noexcept {
      const test::MayWait may_wait;
      static_cast<Canceller*>(context)->other->cancel();
    }
  } canceller{&here.request};
  auto first = here.heap.allocate(whole_region);
  CHECK_FALSE(first.poll({.wake = &Canceller::wake, .context = &canceller}));
  const tests::OpenTask task = here.wait();
  here.free();
  CHECK(here.heap.poll() == 1);
  CHECK(here.error == AllocError::cancelled);
}

TEST_CASE("a coroutine resumed by a stranger after the cancel takes the error, and is not ready") {
  AwaitedRequest here;
  std::coroutine_handle<> suspended;
  const auto wait = [&]() -> tests::OpenTask {
    struct Note {
      std::coroutine_handle<>& to;
      Request<>& request;
      [[nodiscard]] bool await_ready() const { return false; }
      [[nodiscard]] bool await_suspend(std::coroutine_handle<> handle) const {
        to = handle;
        return request.await_suspend(handle);
      }
      [[nodiscard]] auto await_resume() const { return request.await_resume(); }
    };
    const auto block = co_await Note{suspended, here.request};
    here.error = block.error();
  };
  const tests::OpenTask task = wait();
  here.request.cancel();
  suspended.resume();
  CHECK(here.error == AllocError::cancelled);
  CHECK(here.heap.poll() == 0);
}

TEST_CASE("a poll by hand takes no result from the coroutine that awaits it") {
  AwaitedRequest here;
  const tests::OpenTask task = here.wait();
  here.free();
  CHECK_FALSE(here.request.poll());
  CHECK(here.request.state() == RequestState::granted);
  CHECK(here.heap.poll() == 1);
  CHECK(here.resumes == 1);
  CHECK_FALSE(here.error);
  CHECK(here.request.poll()->error() == AllocError::cancelled);  // it was taken
}

TEST_CASE("a coroutine that close or cancel has ended may go before it runs: nobody resumes it") {
  for (const bool closes : {true, false}) {
    AwaitedRequest here;
    std::optional<Request<>> brief(std::in_place, here.heap, whole_region);
    const auto wait = [&]() -> tests::OpenTask {
      (void)co_await *brief;
      ++here.resumes;
    };
    tests::OpenTask task = wait();
    if (closes) {
      here.heap.close();
    } else {
      brief->cancel();
    }
    task.destroy();
    brief.reset();
    CHECK(here.heap.poll() == 0);
    CHECK(here.resumes == 0);
    CHECK(here.heap.validate() == nullptr);
  }
}

TEST_CASE("a coroutine whose own request is in its frame may go between close and poll") {
  AwaitedRequest here;
  const auto wait = [&]() -> tests::OpenTask {
    (void)co_await here.heap.allocate(whole_region);
    ++here.resumes;
  };
  tests::OpenTask first = wait();
  const tests::OpenTask second = wait();
  here.heap.close();
  first.destroy();
  CHECK(here.heap.poll() == 1);
  CHECK(here.resumes == 1);
  CHECK(second.done());
}

TEST_CASE("a request that waits for one coroutine cannot be awaited by a second") {
  if constexpr (!checks_enabled) return;
  AwaitedRequest here;
  const tests::OpenTask task = here.wait();
  CHECK(test::fatal_line_of([&] { const tests::OpenTask second = here.wait(); }) ==
        "mneme: fatal: two coroutines await one request");
}

}  // namespace
