// RUN: %runner %build/tests/a_request_begins_once_test
// purpose: shows that a request which was polled by hand may be awaited, and is queued once only.
// layer: tests; includes everything.
// threads: none.
// invariants: the heap is as new at the end.
#include <doctest/doctest.h>

#include "support/tasks.hpp"

using namespace mneme;

namespace {

constexpr Layout full{.size = 248, .align = 8};

TEST_CASE("polled by hand first, awaited later: one place in the queue, one block") {
  alignas(64) std::byte region[256];
  Heap heap(region);
  void* const held = heap.try_allocate(full);
  {
    auto request = heap.allocate(full);
    REQUIRE_FALSE(request.poll().has_value());
    bool granted = false;
    const auto await = [](Request<>& which, bool& done) -> tests::Task {
      const auto block = co_await which;
      done = block.has_value();
    };
    const tests::Task task = await(request, granted);
    CHECK(heap.stats().waiting == 1);
    REQUIRE(heap.validate() == nullptr);
    heap.free(held, full);
    CHECK(heap.poll() == 1);
    CHECK(granted);
    CHECK(heap.stats().used_bytes == 0);
  }
  CHECK(tests::whole(heap));
}

TEST_CASE("granted to a hand that polled, awaited later: it has the block, without another wait") {
  alignas(64) std::byte region[256];
  Heap heap(region);
  void* const held = heap.try_allocate(full);
  {
    auto request = heap.allocate(full);
    REQUIRE_FALSE(request.poll().has_value());
    heap.free(held, full);
    bool granted = false;
    const auto await = [](Request<>& which, bool& done) -> tests::Task {
      const auto block = co_await which;
      done = block.has_value();
    };
    const tests::Task task = await(request, granted);
    (void)heap.poll();
    CHECK(task.done());
    CHECK(granted);
  }
  CHECK(tests::whole(heap));
}

TEST_CASE("cancelled or taken before it is awaited: an answer at once, and no memory") {
  alignas(64) std::byte region[256];
  Heap heap(region);
  const auto await = [](Request<>& which, AllocError& error) -> tests::Task {
    const auto block = co_await which;
    if (!block) error = block.error();
  };
  for (const bool is_taken : {false, true}) {
    auto request = heap.allocate(full);
    if (is_taken) CHECK(request.poll()->has_value());
    if (!is_taken) request.cancel();
    AllocError error = AllocError::would_wait;
    const tests::Task task = await(request, error);
    CHECK(task.done());
    CHECK(error == AllocError::cancelled);
  }
  CHECK(tests::whole(heap));
}

}  // namespace
