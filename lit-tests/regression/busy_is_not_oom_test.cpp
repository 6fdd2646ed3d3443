// RUN: %runner %build/tests/busy_is_not_oom_test
// purpose: shows that a request which meets a locked, but empty heap waits only for the lock.
// layer: tests; includes everything.
// threads: none.
// invariants: the heap is as new at the end.
#include <doctest/doctest.h>

#include <optional>

#include "support/tasks.hpp"

using namespace mneme;

namespace {

constexpr Layout layout{.size = 100, .align = 8};

TEST_CASE("requests made under a guard are granted when it lets go, without another call") {
  alignas(64) std::byte region[1024];
  Heap heap(region);
  {
    tests::Alarm woken;
    auto by_hand = heap.allocate(layout);
    std::optional<Allocation<>> taken;
    const auto take = [](Heap& here, std::optional<Allocation<>>& into) -> tests::Task {
      into.emplace(*co_await here.allocate(layout));
    };
    std::optional<tests::Task> task;
    {
      const auto guard = heap.try_lock();
      REQUIRE(guard);
      CHECK_FALSE(by_hand.poll(woken.waker()).has_value());
      task.emplace(take(heap, taken));
      CHECK(woken.rings() == 0);
      CHECK(heap.stats().waiting == 2);
    }
    CHECK(woken.rings() == 1);
    CHECK(heap.stats().waiting == 0);
    CHECK(by_hand.poll().has_value());
    CHECK(heap.poll() == 1);
    CHECK(taken.has_value());
  }
  CHECK(tests::whole(heap));
}

TEST_CASE("having been busy leaves no trace: the next attempts succeed at once") {
  alignas(64) std::byte region[1024];
  Heap heap(region);
  {
    auto guard = heap.try_lock();
    CHECK(heap.try_allocate(layout) == nullptr);
    const auto withdrawn = heap.allocate(layout);
    guard.unlock();
  }
  void* const payload = heap.try_allocate(layout);
  REQUIRE(payload != nullptr);
  heap.free(payload, layout);
  CHECK(heap.allocate(layout).poll().has_value());
  CHECK(tests::whole(heap));
}

}  // namespace
