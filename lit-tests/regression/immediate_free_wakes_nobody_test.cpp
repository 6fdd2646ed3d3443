// RUN: %runner %build/tests/immediate_free_wakes_nobody_test
// purpose: shows that a free which gets the lock grants to those who wait, by 99 such frees.
// layer: tests; includes everything.
// threads: none.
// invariants: the heap is as new at the end.
#include <doctest/doctest.h>

#include <deque>

#include "support/tasks.hpp"
#include "support/words.hpp"

using namespace mneme;
using mneme::test::operator""_words;

namespace {

constexpr Layout tiny = test::by_words(1_words);

TEST_CASE("the last of 99 frees grants the whole region to its waiter, without another call") {
  alignas(64) std::byte region[99 * 2_words];
  Heap heap(region);
  void* blocks[99];
  for (auto& block : blocks) block = heap.try_allocate(tiny);
  REQUIRE(heap.stats().used_bytes == sizeof region);
  {
    tests::Alarm woken;
    auto request = heap.allocate(test::by_words(sizeof region - 1_words));
    REQUIRE_FALSE(request.poll(woken.waker()).has_value());
    for (void* const block : blocks) {
      CHECK(woken.rings() == 0);
      heap.free(block, tiny);
    }
    CHECK(woken.rings() == 1);
    CHECK(request.state() == RequestState::granted);
    CHECK(request.poll().has_value());
  }
  CHECK(tests::whole(heap));
}

TEST_CASE("each of 99 frees grants one of 99 waiters, the oldest") {
  alignas(64) std::byte region[99 * 2_words];
  Heap heap(region);
  void* blocks[99];
  for (auto& block : blocks) block = heap.try_allocate(tiny);
  {
    std::deque<Request<>> requests;
    for (int i = 0; i < 99; ++i) {
      requests.emplace_back(heap, tiny);
      REQUIRE_FALSE(requests.back().poll().has_value());
    }
    for (std::size_t i = 0; i < 99; ++i) {
      CHECK(requests[i].state() == RequestState::waiting);
      heap.free(blocks[i], tiny);
      CHECK(requests[i].state() == RequestState::granted);
      CHECK(heap.stats().waiting == 98 - i);
    }
  }
  CHECK(tests::whole(heap));
}

}  // namespace
