// RUN: %runner %build/tests/impossible_request_test
// purpose: shows that what can never be met is refused at once, and holds up nobody.
// layer: tests; includes everything.
// threads: none.
// invariants: the heap is as new at the end.
#include <doctest/doctest.h>

#include <cstdint>

#include "support/tasks.hpp"
#include "support/words.hpp"

using namespace mneme;
using mneme::test::operator""_words;

namespace {

constexpr Layout huge{.size = std::size_t{1} << 20, .align = 8};
constexpr Layout possible{.size = 100, .align = 8};

TEST_CASE("1 MiB on an 8 KiB heap is refused by the first poll, and never queued") {
  alignas(64) std::byte region[8192];
  Heap heap(region);
  tests::Alarm woken;
  auto request = heap.allocate(huge);
  const auto answer = request.poll(woken.waker());
  REQUIRE(answer.has_value());
  CHECK(answer->error() == AllocError::too_large);
  CHECK(woken.rings() == 0);
  CHECK(heap.stats().waiting == 0);
  CHECK(heap.stats().refusals == 1);
  CHECK(tests::whole(heap));
}

TEST_CASE("the bound is exact: the whole region is granted, a byte more is refused") {
  alignas(64) std::byte region[8192];
  Heap heap(region);
  CHECK(heap.allocate(test::by_words(8192 - 1_words)).poll()->has_value());
  CHECK(heap.allocate(test::by_words(8192 - 1_words + 1)).poll()->error() == AllocError::too_large);
  const Layout nowhere{.size = 8, .align = SIZE_MAX / 4 + 1};
  CHECK(heap.allocate(nowhere).poll()->error() == AllocError::too_large);
  CHECK(heap.allocate({.size = 8, .align = 24}).poll()->error() == AllocError::bad_alignment);
  CHECK(tests::whole(heap));
}

TEST_CASE("refused under a lock, and while others wait: they are granted as ever") {
  alignas(64) std::byte region[256];
  Heap heap(region);
  void* const held = heap.try_allocate({.size = 200, .align = 8});
  {
    auto before = heap.allocate(possible);
    CHECK_FALSE(before.poll().has_value());
    {
      const auto guard = heap.try_lock();
      CHECK(heap.allocate(huge).poll()->error() == AllocError::too_large);
    }
    CHECK(heap.allocate(huge).poll()->error() == AllocError::too_large);
    auto behind = heap.allocate(possible);
    CHECK_FALSE(behind.poll().has_value());
    heap.free(held, {.size = 200, .align = 8});
    CHECK(before.poll().has_value());
    CHECK(behind.poll().has_value());
  }
  CHECK(tests::whole(heap));
}

}  // namespace
