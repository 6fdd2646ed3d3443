// RUN: %runner %build/tests/cancel_keeps_inhibit_test
// purpose: shows that a withdrawn request leaves the heap open, however it is withdrawn.
// layer: tests; includes everything.
// threads: none.
// invariants: the heap is as new at the end.
#include <doctest/doctest.h>

#include <optional>
#include <utility>

#include "support/tasks.hpp"

using namespace mneme;

namespace {

constexpr Layout large{.size = 200, .align = 8};
constexpr Layout small{.size = 24, .align = 8};

/// Whether everybody is served at once.
void check_open(Heap& heap) {
  void* const payload = heap.try_allocate(small);
  CHECK(payload != nullptr);
  if (payload != nullptr) heap.free(payload, small);
  CHECK(heap.allocate(small).poll().has_value());
  CHECK(heap.stats().waiting == 0);
}

TEST_CASE("cancelled, destroyed, and destroyed with its coroutine: the heap is open again") {
  alignas(64) std::byte region[256];
  Heap heap(region);
  void* const held = heap.try_allocate({.size = 120, .align = 8});
  {
    auto request = heap.allocate(large);
    REQUIRE_FALSE(request.poll().has_value());
    CHECK(heap.try_allocate(small) == nullptr);  // first come, first served
    request.cancel();
    check_open(heap);
    CHECK(request.poll()->error() == AllocError::cancelled);
  }
  {
    auto request = heap.allocate(large);
    REQUIRE_FALSE(request.poll().has_value());
  }
  check_open(heap);
  {
    const auto wait = [](Heap& here) -> tests::Task { (void)co_await here.allocate(large); };
    const tests::Task task = wait(heap);
    CHECK(heap.stats().waiting == 1);
  }
  check_open(heap);
  CHECK(heap.stats().cancels == 3);
  heap.free(held, {.size = 120, .align = 8});
  CHECK(tests::whole(heap));
}

TEST_CASE("withdrawn as the head: who fits behind it is granted, without another call") {
  alignas(64) std::byte region[256];
  Heap heap(region);
  void* const held = heap.try_allocate({.size = 120, .align = 8});
  for (const bool is_destroyed : {true, false}) {
    std::optional<Request<>> head(std::in_place, heap, large);
    auto behind = heap.allocate(small);
    REQUIRE_FALSE(head->poll().has_value());
    REQUIRE_FALSE(behind.poll().has_value());
    if (is_destroyed) head.reset();
    if (!is_destroyed) head->cancel();
    CHECK(behind.state() == RequestState::granted);
  }
  heap.free(held, {.size = 120, .align = 8});
  CHECK(tests::whole(heap));
}

TEST_CASE("withdrawn under a lock: all is well when the lock is let go") {
  alignas(64) std::byte region[256];
  Heap heap(region);
  void* const held = heap.try_allocate({.size = 120, .align = 8});
  {
    auto head = heap.allocate(large);
    auto behind = heap.allocate(small);
    REQUIRE_FALSE(head.poll().has_value());
    REQUIRE_FALSE(behind.poll().has_value());
    {
      const auto guard = heap.try_lock();
      head.cancel();
      CHECK(behind.state() == RequestState::waiting);
    }
    CHECK(behind.state() == RequestState::granted);
  }
  check_open(heap);
  heap.free(held, {.size = 120, .align = 8});
  CHECK(tests::whole(heap));
}

}  // namespace
