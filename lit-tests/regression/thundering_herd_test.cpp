// RUN: %runner %build/tests/thundering_herd_test
// purpose: shows that one free wakes only whom it satisfies, and no newcomer barges past.
// layer: tests; includes everything.
// threads: none.
// invariants: the heap is as new at the end.
#include <doctest/doctest.h>

#include <deque>

#include "support/tasks.hpp"

using namespace mneme;

namespace {

constexpr Layout one_block{.size = 24, .align = 8};  // a block of 32 bytes

TEST_CASE("n waiters cost n wakes, one a free, oldest first") {
  constexpr std::size_t n = 32;
  alignas(64) std::byte region[n * 32];
  Heap heap(region);
  void* blocks[n];
  for (auto& block : blocks) block = heap.try_allocate(one_block);
  {
    std::deque<tests::Alarm> woken(n);
    std::deque<Request<>> requests;
    for (auto& each : woken) {
      requests.emplace_back(heap, one_block);
      REQUIRE_FALSE(requests.back().poll(each.waker()).has_value());
    }
    for (std::size_t freed = 1; freed <= n; ++freed) {
      heap.free(blocks[freed - 1], one_block);
      int wakes = 0;
      for (std::size_t i = 0; i < n; ++i) {
        wakes += woken[i].rings();
        CHECK(woken[i].rings() == (i < freed ? 1 : 0));
      }
      CHECK(wakes == static_cast<int>(freed));
    }
  }
  CHECK(tests::whole(heap));
}

TEST_CASE("a free too small for the head wakes nobody, though it would do for the second") {
  alignas(64) std::byte region[128];
  Heap heap(region);
  void* blocks[4];
  for (auto& block : blocks) block = heap.try_allocate(one_block);
  {
    tests::Alarm head_woken;
    tests::Alarm second_woken;
    auto head = heap.allocate({.size = 56, .align = 8});
    auto second = heap.allocate(one_block);
    REQUIRE_FALSE(head.poll(head_woken.waker()).has_value());
    REQUIRE_FALSE(second.poll(second_woken.waker()).has_value());
    heap.free(blocks[0], one_block);
    CHECK(head_woken.rings() == 0);
    CHECK(second_woken.rings() == 0);
    CHECK(heap.try_allocate(one_block) == nullptr);  // nor does a newcomer get it
    auto newcomer = heap.allocate({.size = 0, .align = 1});
    CHECK_FALSE(newcomer.poll().has_value());
    heap.free(blocks[1], one_block);
    CHECK(head_woken.rings() == 1);
    CHECK(second_woken.rings() == 0);
    CHECK(newcomer.state() == RequestState::waiting);
    heap.free(blocks[2], one_block);
    CHECK(second_woken.rings() == 1);
    heap.free(blocks[3], one_block);
    CHECK(newcomer.state() == RequestState::granted);
  }
  CHECK(tests::whole(heap));
}

TEST_CASE("one free that satisfies three wakes three") {
  alignas(64) std::byte region[128];
  Heap heap(region);
  void* const held = heap.try_allocate({.size = 120, .align = 8});
  {
    tests::Alarm woken;
    std::deque<Request<>> requests;
    for (int i = 0; i < 5; ++i) {
      requests.emplace_back(heap, Layout{.size = 32, .align = 8});
      REQUIRE_FALSE(requests.back().poll(woken.waker()).has_value());
    }
    heap.free(held, {.size = 120, .align = 8});
    CHECK(woken.rings() == 3);
    CHECK(heap.stats().waiting == 2);
  }
  CHECK(tests::whole(heap));
}

}  // namespace
