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

#include "support/coroutines.hpp"
#include "support/tasks.hpp"

using namespace mneme;
using tests::Alarm;
using tests::OpenTask;

namespace {

constexpr Layout most{.size = 200, .align = 8};

OpenTask ask(Heap& heap, std::optional<bool>& granted) {
  const auto block = co_await heap.allocate(most);
  granted = block.has_value();
}

OpenTask ask_openly(Heap& heap, Request<Heap>*& asked, std::optional<bool>& granted) {
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
  const OpenTask task = ask(heap, granted);
  heap.free(held, most);
  CHECK_FALSE(granted);
  task.resume();
  CHECK(granted == true);
  CHECK(heap.poll() == 0);
  CHECK(heap.validate() == nullptr);
  CHECK(heap.stats().used_bytes == 0);
}

TEST_CASE("still waiting: it completes as cancelled, and waits no more") {
  alignas(64) std::byte region[256];
  Heap heap(region);
  void* const held = heap.try_allocate(most);
  std::optional<bool> granted;
  const OpenTask task = ask(heap, granted);
  task.resume();
  CHECK(granted == false);
  CHECK(heap.stats().waiting == 0);
  heap.free(held, most);
  CHECK(heap.poll() == 0);
  CHECK(heap.stats().used_bytes == 0);
}

TEST_CASE("a poll by hand, with a waker, takes nothing from the coroutine that awaits") {
  alignas(64) std::byte region[256];
  Heap heap(region);
  void* const held = heap.try_allocate(most);
  Alarm alarm;
  Request<Heap>* asked = nullptr;
  std::optional<bool> granted;
  const OpenTask task = ask_openly(heap, asked, granted);
  CHECK_FALSE(asked->poll(alarm.waker()));
  heap.free(held, most);
  CHECK(alarm.rings() == 0);
  CHECK(heap.poll() == 1);
  CHECK(granted == true);
}

TEST_CASE("a second poll without a waker takes nothing from the first") {
  alignas(64) std::byte region[256];
  Heap heap(region);
  void* const held = heap.try_allocate(most);
  Alarm alarm;
  auto request = heap.allocate(most);
  CHECK_FALSE(request.poll(alarm.waker()));
  CHECK_FALSE(request.poll());
  heap.free(held, most);
  CHECK(alarm.rings() == 1);
  CHECK(request.poll()->has_value());
}

TEST_CASE("still waiting: whoever is behind it is considered as it leaves (P5)") {
  alignas(64) std::byte region[256];
  Heap heap(region);
  constexpr Layout some{.size = 100, .align = 8};
  void* const held = heap.try_allocate(some);
  std::optional<bool> granted;
  const OpenTask task = ask(heap, granted);
  {
    auto behind = heap.allocate(some);  // which has room, but not the turn
    CHECK_FALSE(behind.poll());
    task.resume();
    CHECK(granted == false);
    CHECK(behind.state() == RequestState::granted);
  }
  heap.free(held, some);
  CHECK(heap.stats().used_bytes == 0);
}

}  // namespace
