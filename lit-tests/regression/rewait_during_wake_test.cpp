// RUN: %runner %build/tests/rewait_during_wake_test
// purpose: shows that a task which waits again while others are resumed neither spins nor is lost.
// layer: tests; includes everything.
// threads: none.
// invariants: the heap is as new at the end.
#include <doctest/doctest.h>

#include <vector>

#include "support/tasks.hpp"

using namespace mneme;

namespace {

constexpr Layout entire{.size = 248, .align = 8};

TEST_CASE("tasks that wait again at once: each poll ends, and everybody has turns") {
  alignas(64) std::byte region[256];
  Heap heap(region);
  bool stop = false;
  int turns[4] = {};
  const auto loop = [](Heap& here, const bool& stops, int& mine) -> tests::Task {
    while (!stops) {
      auto block = co_await here.allocate(entire);
      ++mine;
      block->reset();  // grants the next, who is ready within this very poll
    }
  };
  void* const held = heap.try_allocate(entire);
  {
    std::vector<tests::Task> tasks;
    for (int& mine : turns) tasks.push_back(loop(heap, stop, mine));
    heap.free(held, entire);
    std::size_t resumed = 0;
    for (int polls = 0; polls < 100; ++polls) {
      const std::size_t now = heap.poll();
      CHECK(now <= 4);
      resumed += now;
      REQUIRE(heap.validate() == nullptr);
    }
    CHECK(resumed == 100);
    for (const int mine : turns) CHECK(mine == 25);
    stop = true;
    while (heap.poll() > 0) {
    }
    for (const auto& task : tasks) CHECK(task.done());
  }
  CHECK(tests::whole(heap));
}

TEST_CASE("a request taken in one poll, and a new one queued behind those who wait") {
  alignas(64) std::byte region[256];
  Heap heap(region);
  void* const held = heap.try_allocate(entire);
  {
    tests::Alarm first_woken;
    tests::Alarm second_woken;
    tests::Alarm again_woken;
    auto first = heap.allocate(entire);
    auto second = heap.allocate(entire);
    auto again = heap.allocate(entire);
    REQUIRE_FALSE(first.poll(first_woken.waker()).has_value());
    REQUIRE_FALSE(second.poll(second_woken.waker()).has_value());
    heap.free(held, entire);
    auto block = first.poll();
    REQUIRE_FALSE(again.poll(again_woken.waker()).has_value());
    block.reset();
    CHECK(second_woken.rings() == 1);
    CHECK(again_woken.rings() == 0);
    second.cancel();
    CHECK(again_woken.rings() == 1);
    CHECK(first_woken.rings() == 1);
  }
  CHECK(tests::whole(heap));
}

}  // namespace
