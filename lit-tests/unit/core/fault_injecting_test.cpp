// RUN: %runner %build/tests/fault_injecting_test
// purpose: shows that the nth allocation fails, once, and that a heap above it waits and goes on.
// layer: tests; includes the decorator and the heap.
// threads: none.
// invariants: a failed allocation changes nothing.
#include <doctest/doctest.h>

#include <mneme/mneme.hpp>
#include <mneme/raw/fault_injecting.hpp>
#include <mneme/raw/first_fit.hpp>

using namespace mneme;

namespace {

using Faulty = FaultInjecting<FirstFit>;

/// The raw heap inside, to be armed. The heap itself only shows it.
Faulty& raw_of(BasicHeap<Faulty>& heap) { return const_cast<Faulty&>(heap.raw()); }

TEST_CASE("the nth allocation finds no room, and only that one does") {
  alignas(16) std::byte region[256];
  for (std::size_t n = 1; n <= 4; ++n) {
    Faulty raw(region);
    raw.fail_nth(n);
    for (std::size_t i = 1; i <= 5; ++i) {
      const std::size_t free_bytes = raw.free_bytes();
      const bool failed = raw.allocate({.size = 16}) == nullptr;
      CHECK(failed == (i == n));
      if (failed) CHECK(raw.free_bytes() == free_bytes);
    }
    CHECK(raw.failures() == 1);
    CHECK(raw.validate() == nullptr);
  }
}

TEST_CASE("the fault can be disarmed and armed again") {
  alignas(16) std::byte region[256];
  Faulty raw(region);
  raw.fail_nth(1);
  raw.fail_nth(0);
  CHECK(raw.allocate({.size = 16}) != nullptr);
  CHECK(raw.failures() == 0);
  for (std::size_t times = 1; times <= 3; ++times) {
    raw.fail_nth(1);
    CHECK(raw.allocate({.size = 16}) == nullptr);
    CHECK(raw.failures() == times);
  }
}

TEST_CASE("a grant that meets the fault leaves the queue as it is; the next free goes on with it") {
  alignas(16) std::byte region[512];
  BasicHeap<Faulty> heap(region);
  void* const large = heap.try_allocate({.size = 400});
  void* const small = heap.try_allocate({.size = 16});
  auto first = heap.allocate({.size = 320});
  auto second = heap.allocate({.size = 16});
  REQUIRE_FALSE(first.poll().has_value());
  REQUIRE_FALSE(second.poll().has_value());
  raw_of(heap).fail_nth(1);
  heap.free(large, {.size = 400});
  CHECK(raw_of(heap).failures() == 1);
  CHECK(first.state() == RequestState::waiting);
  CHECK(second.state() == RequestState::waiting);  // it would have fitted, but is not the first
  CHECK(heap.validate() == nullptr);
  heap.free(small, {.size = 16});
  CHECK(first.state() == RequestState::granted);
  CHECK(second.state() == RequestState::granted);
}

TEST_CASE("a first attempt that meets the fault is made again before the request waits") {
  alignas(16) std::byte region[1024];
  BasicHeap<Faulty> heap(region);
  raw_of(heap).fail_nth(1);
  CHECK(heap.allocate({.size = 16}).poll().has_value());
  CHECK(raw_of(heap).failures() == 1);
}

TEST_CASE("a try form that meets the fault fails, and leaves nothing behind") {
  alignas(16) std::byte region[1024];
  BasicHeap<Faulty> heap(region);
  raw_of(heap).fail_nth(1);
  CHECK(heap.try_allocate({.size = 16}) == nullptr);
  CHECK(heap.stats().used_bytes == 0);
  CHECK(heap.stats().waiting == 0);
  void* const payload = heap.try_allocate({.size = 16});
  REQUIRE(payload != nullptr);
  heap.free(payload, {.size = 16});
}

}  // namespace
