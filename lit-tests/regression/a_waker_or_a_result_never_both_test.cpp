// RUN: %runner %build/tests/a_waker_or_a_result_never_both_test
// purpose: shows that a poll which queued its request leaves the result to the waker.
// layer: tests; includes everything.
// threads: one; the raw heap acts as an interrupt_once that frees between the attempt and the wait.
// invariants: the heap is as new at the end.
#include <doctest/doctest.h>

#include <mneme/raw/first_fit.hpp>
#include <utility>

#include "support/tasks.hpp"

using namespace mneme;
using tests::Alarm;

namespace {

void (*interrupt_once)() = nullptr;
int failures = 0;  // of allocations, so far

template <RawHeap Inner>
struct Interrupted : Inner {
  using Inner::Inner;
  [[nodiscard]] std::byte* allocate(BlockLayout layout, std::size_t header = 0) noexcept {
    std::byte* const block = Inner::allocate(layout, header);
    // The first attempt is without a request; at the second one it is about to be queued.
    if (block == nullptr && interrupt_once != nullptr && ++failures == 2) {
      std::exchange(interrupt_once, nullptr)();
    }
    return block;
  }
};
using InterruptedHeap = BasicHeap<Interrupted<FirstFit>>;

constexpr Layout most_of_it{.size = 700, .align = 8};
InterruptedHeap* heap_of_the_interrupt = nullptr;
void* held_block = nullptr;

TEST_CASE("a free between the failed attempt and the wait: the waker alone reports the grant") {
  alignas(64) std::byte region[1024];
  InterruptedHeap heap(region);
  heap_of_the_interrupt = &heap;
  failures = 0;
  held_block = heap.try_allocate(most_of_it);
  interrupt_once = [] { heap_of_the_interrupt->defer_free(held_block, most_of_it); };
  Alarm alarm;
  {
    auto request = heap.allocate({.size = 600, .align = 8});
    CHECK_FALSE(request.poll(alarm.waker()).has_value());
    CHECK(alarm.rings() == 1);
    const auto result = request.poll();
    REQUIRE(result.has_value());
    CHECK(result->has_value());
    CHECK(alarm.rings() == 1);
  }
  CHECK(heap.stats().used_bytes == 0);
}

TEST_CASE("a later poll that finds a deferred block: the waker alone reports the grant") {
  alignas(64) std::byte region[1024];
  Heap heap(region);
  void* const hog = heap.try_allocate(most_of_it);
  Alarm alarm;
  {
    auto request = heap.allocate(most_of_it);
    REQUIRE_FALSE(request.poll(alarm.waker()).has_value());
    heap.defer_free(hog, most_of_it);
    CHECK_FALSE(request.poll(alarm.waker()).has_value());
    CHECK(alarm.rings() == 1);
    const auto result = request.poll();
    REQUIRE(result.has_value());
    CHECK(result->has_value());
    CHECK(alarm.rings() == 1);
  }
  CHECK(tests::whole(heap));
}

TEST_CASE("without a waker, the same poll returns the block") {
  alignas(64) std::byte region[1024];
  InterruptedHeap heap(region);
  heap_of_the_interrupt = &heap;
  failures = 0;
  held_block = heap.try_allocate(most_of_it);
  interrupt_once = [] { heap_of_the_interrupt->defer_free(held_block, most_of_it); };
  {
    auto request = heap.allocate({.size = 600, .align = 8});
    const auto result = request.poll();
    REQUIRE(result.has_value());
    CHECK(result->has_value());
  }
  CHECK(heap.stats().used_bytes == 0);
}

TEST_CASE("a waker given by wake_by is kept by a first poll without one") {
  alignas(64) std::byte region[256];
  Heap heap(region);
  constexpr Layout all_of_it{.size = 248, .align = 8};
  void* const hog = heap.try_allocate(all_of_it);
  Alarm alarm;
  {
    auto request = heap.allocate(all_of_it);
    (void)std::move(request).wake_by(alarm.waker());
    CHECK_FALSE(request.poll().has_value());  // NOLINT(bugprone-use-after-move): moves nothing
    heap.free(hog, all_of_it);
    CHECK(alarm.rings() == 1);
    CHECK(request.poll().has_value());
  }
  CHECK(tests::whole(heap));
}

}  // namespace
