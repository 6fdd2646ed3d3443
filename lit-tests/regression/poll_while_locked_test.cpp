// RUN: %runner %build/tests/poll_while_locked_test
// purpose: shows that poll under a lock returns, and leaves reclaiming and granting to the owner.
// layer: tests; includes everything.
// threads: none.
// invariants: the heap is as new at the end.
#include <doctest/doctest.h>

#include <vector>

#include "support/tasks.hpp"

using namespace mneme;

namespace {

constexpr Layout everything{.size = 248, .align = 8};

TEST_CASE(
    "poll while a guard is held does no harm, and what it saw is done when the guard lets go") {
  alignas(64) std::byte region[256];
  Heap heap(region);
  void* const held = heap.try_allocate(everything);
  {
    auto request = heap.allocate(everything);
    REQUIRE_FALSE(request.poll().has_value());
    {
      const auto guard = heap.try_lock();
      heap.free(held, everything);
      CHECK(heap.poll() == 0);
      CHECK(heap.poll() == 0);
      CHECK(heap.stats().deferred == 1);
      CHECK(request.state() == RequestState::waiting);
    }
    CHECK(request.state() == RequestState::granted);
  }
  CHECK(heap.poll() == 0);
  CHECK(tests::whole(heap));
}

TEST_CASE(
    "a coroutine that is ready already is resumed by a poll under a lock; it may hold the lock") {
  alignas(64) std::byte region[256];
  Heap heap(region);
  void* const held = heap.try_allocate(everything);
  const auto take = [](Heap& here) -> tests::Task { (void)co_await here.allocate(everything); };
  {
    const tests::Task task = take(heap);
    heap.free(held, everything);
    const auto guard = heap.try_lock();
    CHECK(heap.poll() == 1);
    CHECK(task.done());
  }
  CHECK(tests::whole(heap));
}

TEST_CASE("a poll inside of a poll inside of a poll") {
  alignas(64) std::byte region[256];
  Heap heap(region);
  void* const held = heap.try_allocate(everything);
  static int resumed = 0;
  const auto take = [](Heap& here) -> tests::Task {
    (void)co_await here.allocate({.size = 16, .align = 8});
    ++resumed;
    (void)here.poll();
  };
  {
    std::vector<tests::Task> tasks;
    for (int i = 0; i < 5; ++i) tasks.push_back(take(heap));
    heap.free(held, everything);
    (void)heap.poll();
    CHECK(resumed == 5);
  }
  CHECK(tests::whole(heap));
}

}  // namespace
