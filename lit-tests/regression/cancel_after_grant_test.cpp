// RUN: %runner %build/tests/cancel_after_grant_test
// purpose: shows that memory granted, but never taken goes to the next waiter.
// layer: tests; includes everything.
// threads: none.
// invariants: the heap is as new at the end.
#include <doctest/doctest.h>

#include <optional>

#include "support/coroutines.hpp"
#include "support/tasks.hpp"

using namespace mneme;

namespace {

constexpr Layout all{.size = 248, .align = 8};

/// Two requests of everything wait for a block; the block goes back; the first is granted.
struct Two {
  alignas(64) std::byte region[256];
  Heap heap{region};
  tests::Alarm first_woken;
  tests::Alarm second_woken;
  std::optional<Request<>> first;
  Request<> second = heap.allocate(all);

  Two() {
    void* const held = heap.try_allocate(all);
    first.emplace(heap, all);
    CHECK_FALSE(first->poll(first_woken.waker()).has_value());
    CHECK_FALSE(second.poll(second_woken.waker()).has_value());
    heap.free(held, all);
    CHECK(first_woken.rings() == 1);
    CHECK(second_woken.rings() == 0);
  }

  void check_second_has_it() {
    CHECK(second_woken.rings() == 1);
    auto answer = second.poll();
    REQUIRE(answer.has_value());
    CHECK(answer->has_value());
    answer.reset();
    CHECK(tests::whole(heap));
  }
};

TEST_CASE("cancelled between grant and take") {
  Two two;
  two.first->cancel();
  two.check_second_has_it();
  CHECK(two.first->poll()->error() == AllocError::cancelled);
}

TEST_CASE("destroyed between grant and take") {
  Two two;
  two.first.reset();
  two.check_second_has_it();
}

TEST_CASE("destroyed under a guard: the next has it when the guard lets go") {
  Two two;
  {
    const auto guard = two.heap.try_lock();
    two.first.reset();
    CHECK(two.second_woken.rings() == 0);
  }
  two.check_second_has_it();
}

TEST_CASE("a coroutine destroyed after its grant, before poll() resumes it") {
  alignas(64) std::byte region[256];
  Heap heap(region);
  const auto take = [](Heap& here, int& count) -> tests::OpenTask {
    const auto block = co_await here.allocate(all);
    if (block) ++count;
  };
  int taken = 0;
  void* const held = heap.try_allocate(all);
  {
    tests::OpenTask first = take(heap, taken);
    const tests::OpenTask second = take(heap, taken);
    heap.free(held, all);
    CHECK(heap.stats().live == 1);
    first.destroy();
    CHECK(heap.poll() == 1);
    CHECK(taken == 1);
    CHECK(second.done());
  }
  CHECK(tests::whole(heap));
}

}  // namespace
