// RUN: %runner %build/tests/sync_fails_behind_async_test
// purpose: shows that an oversized request, waiting for nothing, fails no plain allocation.
// layer: tests; includes everything.
// threads: none.
// invariants: the heap is as new at the end.
#include <doctest/doctest.h>

#include "support/tasks.hpp"

using namespace mneme;

namespace {

constexpr Layout little{.size = 24, .align = 8};
constexpr Layout oversized{.size = 4096, .align = 8};

TEST_CASE("plain allocations go on before, beside and after an oversized request") {
  alignas(64) std::byte region[256];
  Heap heap(region);
  const auto check_plain = [&] {
    void* const payload = heap.try_allocate(little);
    CHECK(payload != nullptr);
    if (payload != nullptr) heap.free(payload, little);
  };
  {
    auto request = heap.allocate(oversized);
    check_plain();
    const auto answer = request.poll();
    REQUIRE(answer.has_value());
    CHECK(answer->error() == AllocError::too_large);
    check_plain();
    int refused = 0;
    const auto ask = [](Heap& here, int& count) -> tests::Task {
      const auto block = co_await here.allocate(oversized);
      if (!block && block.error() == AllocError::too_large) ++count;
    };
    const tests::Task task = ask(heap, refused);  // never suspends
    CHECK(task.done());
    CHECK(refused == 1);
    check_plain();
  }
  check_plain();
  CHECK(tests::whole(heap));
}

TEST_CASE("behind a request that does wait, plain allocations fail until it is met or withdrawn") {
  alignas(64) std::byte region[256];
  Heap heap(region);
  for (const bool is_met : {true, false}) {
    void* const held = heap.try_allocate({.size = 100, .align = 8});
    auto request = heap.allocate({.size = 200, .align = 8});
    CHECK_FALSE(request.poll().has_value());
    CHECK(heap.try_allocate(little) == nullptr);
    if (!is_met) request.cancel();
    heap.free(held, {.size = 100, .align = 8});
    if (is_met) CHECK(request.poll()->has_value());  // and given back at once
    void* const payload = heap.try_allocate(little);
    CHECK(payload != nullptr);
    heap.free(payload, little);
  }
  CHECK(tests::whole(heap));
}

}  // namespace
