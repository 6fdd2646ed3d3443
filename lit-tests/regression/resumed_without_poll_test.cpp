// RUN: %runner %build/tests/resumed_without_poll_test
// purpose: shows that a stranger's resume or poll leaves no request in a list, and steals no wake.
// layer: tests; includes the heap.
// threads: none.
// invariants: the heap is as new at the end of each case.
#include <doctest/doctest.h>

#include <coroutine>
#include <exception>
#include <mneme/mneme.hpp>
#include <optional>
#include <utility>

using namespace mneme;

namespace {

constexpr Layout most{.size = 200, .align = 8};

/// A coroutine that anybody may resume.
struct Bare {
  struct promise_type {
    Bare get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
  std::coroutine_handle<promise_type> frame;
};

Bare ask(Heap& heap, std::optional<bool>& granted) {
  const auto block = co_await heap.allocate(most);
  granted = block.has_value();
}

Bare ask_openly(Heap& heap, Request<Heap>*& asked, std::optional<bool>& granted) {
  auto request = heap.allocate(most);
  asked = &request;
  const auto block = co_await std::move(request);
  granted = block.has_value();
}

TEST_CASE("already granted: it gets its memory, and poll() finds nobody to resume") {
  alignas(64) std::byte region[256];
  Heap heap(region);
  void* const held = heap.try_allocate(most);
  std::optional<bool> granted;
  const Bare task = ask(heap, granted);
  heap.free(held, most);
  CHECK_FALSE(granted);
  task.frame.resume();
  CHECK(granted == true);
  CHECK(heap.poll() == 0);
  CHECK(heap.validate() == nullptr);
  CHECK(heap.stats().used_bytes == 0);
  task.frame.destroy();
}

TEST_CASE("still waiting: it completes as cancelled, and waits no more") {
  alignas(64) std::byte region[256];
  Heap heap(region);
  void* const held = heap.try_allocate(most);
  std::optional<bool> granted;
  const Bare task = ask(heap, granted);
  task.frame.resume();
  CHECK(granted == false);
  CHECK(heap.stats().waiting == 0);
  heap.free(held, most);
  CHECK(heap.poll() == 0);
  CHECK(heap.stats().used_bytes == 0);
  task.frame.destroy();
}

TEST_CASE("a poll by hand, with a waker, takes nothing from the coroutine that awaits") {
  alignas(64) std::byte region[256];
  Heap heap(region);
  void* const held = heap.try_allocate(most);
  int wakes = 0;
  Request<Heap>* asked = nullptr;
  std::optional<bool> granted;
  const Bare task = ask_openly(heap, asked, granted);
  const auto wake = [](void* count) noexcept { ++*static_cast<int*>(count); };
  CHECK_FALSE(asked->poll({.wake = wake, .context = &wakes}));
  heap.free(held, most);
  CHECK(wakes == 0);
  CHECK(heap.poll() == 1);
  CHECK(granted == true);
  task.frame.destroy();
}

TEST_CASE("a second poll without a waker takes nothing from the first") {
  alignas(64) std::byte region[256];
  Heap heap(region);
  void* const held = heap.try_allocate(most);
  int wakes = 0;
  auto request = heap.allocate(most);
  const auto wake = [](void* count) noexcept { ++*static_cast<int*>(count); };
  CHECK_FALSE(request.poll({.wake = wake, .context = &wakes}));
  CHECK_FALSE(request.poll());
  heap.free(held, most);
  CHECK(wakes == 1);
  CHECK(request.poll()->has_value());
}

TEST_CASE("still waiting: whoever is behind it is considered as it leaves (P5)") {
  alignas(64) std::byte region[256];
  Heap heap(region);
  constexpr Layout some{.size = 100, .align = 8};
  void* const held = heap.try_allocate(some);
  std::optional<bool> granted;
  const Bare task = ask(heap, granted);
  {
    auto behind = heap.allocate(some);  // which has room, but not the turn
    CHECK_FALSE(behind.poll());
    task.frame.resume();
    CHECK(granted == false);
    CHECK(behind.state() == RequestState::granted);
  }
  heap.free(held, some);
  CHECK(heap.stats().used_bytes == 0);
  task.frame.destroy();
}

}  // namespace
