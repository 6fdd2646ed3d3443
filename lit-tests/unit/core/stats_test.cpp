// purpose: shows each figure of a heap's statistics after each step that changes it.
// layer: tests; includes mneme and the tests' support.
// threads: one.
// invariants: figures count whole blocks, headers included; looking changes none of them.
// RUN: %runner %build/tests/stats_test
#include <cstddef>
#include <optional>

#include "support/tasks.hpp"

using mneme::Count;
using mneme::Stats;
using tests::bytes;
using tests::granted;
using tests::TestHeap;

namespace {

/// Whether all figures agree; says which do not.
bool same(const Stats& is, const Stats& expected) {
  bool all = true;
  const auto compare = [&](auto one, auto other) {
    CHECK(one == other);
    all = all && one == other;
  };
  compare(is.capacity_bytes, expected.capacity_bytes);
  compare(is.used_bytes, expected.used_bytes);
  compare(is.peak_bytes, expected.peak_bytes);
  compare(is.largest_free_bytes, expected.largest_free_bytes);
  compare(is.live, expected.live);
  compare(is.waiting, expected.waiting);
  compare(is.deferred, expected.deferred);
  compare(is.grants, expected.grants);
  compare(is.waits, expected.waits);
  compare(is.cancels, expected.cancels);
  compare(is.refusals, expected.refusals);
  return all;
}

}  // namespace

TEST_CASE("asking, waiting and giving up change the figures they should, and no other") {
  TestHeap heap(256);
  Stats now{.capacity_bytes = 256, .largest_free_bytes = 256};
  CHECK(same(heap.stats(), now));

  auto first = granted(heap.allocate(bytes(100)));  // a block of 112 bytes
  now.used_bytes = now.peak_bytes = 112;
  now.largest_free_bytes = 144;
  now.live = now.grants = 1;
  CHECK(same(heap.stats(), now));

  void* const second = heap.try_allocate(bytes(40));
  now.used_bytes = now.peak_bytes = 160;
  now.largest_free_bytes = 96;
  now.live = now.grants = 2;
  CHECK(same(heap.stats(), now));

  CHECK(heap.try_allocate(bytes(200)) == nullptr);  // try forms that fail leave no trace
  CHECK(heap.try_allocate(bytes(2000)) == nullptr);
  CHECK(same(heap.stats(), now));

  CHECK(heap.allocate(bytes(2000)).poll().has_value());
  CHECK(heap.allocate({8, 3}).poll().has_value());
  now.refusals = 2;
  CHECK(same(heap.stats(), now));

  auto third = heap.allocate(bytes(130));
  CHECK(!third.poll());
  CHECK(!third.poll());
  now.waiting = now.waits = 1;
  CHECK(same(heap.stats(), now));

  {
    auto fourth = heap.allocate(bytes(8));
    CHECK(!fourth.poll());
    now.waiting = now.waits = 2;
    CHECK(same(heap.stats(), now));
  }
  now.waiting = now.cancels = 1;
  CHECK(same(heap.stats(), now));

  heap.free(second, bytes(40));  // the request of 144 bytes fits beside the block of 112
  now.waiting = 0;
  now.used_bytes = now.peak_bytes = 256;
  now.largest_free_bytes = 0;
  now.grants = 3;
  CHECK(same(heap.stats(), now));
}

TEST_CASE("a request for no bytes counts as any other") {
  TestHeap heap(256);
  auto first = granted(heap.allocate(bytes(0)));
  Stats now{.capacity_bytes = 256,
            .used_bytes = 16,
            .peak_bytes = 16,
            .largest_free_bytes = 240,
            .live = 1,
            .grants = 1};
  CHECK(same(heap.stats(), now));
  void* const second = heap.try_allocate(bytes(0));
  now.used_bytes = now.peak_bytes = 32;
  now.largest_free_bytes = 224;
  now.live = now.grants = 2;
  CHECK(same(heap.stats(), now));
  heap.free(second, bytes(0));
  first.reset();
  now.used_bytes = now.live = 0;
  now.largest_free_bytes = 256;
  CHECK(same(heap.stats(), now));
}

TEST_CASE("freeing, deferring, cancelling and closing change theirs") {
  TestHeap heap(256);
  auto first = granted(heap.allocate(bytes(100)));
  void* const second = heap.try_allocate(bytes(40));
  auto third = heap.allocate(bytes(130));
  CHECK(!third.poll());
  Stats now{.capacity_bytes = 256,
            .used_bytes = 160,
            .peak_bytes = 160,
            .largest_free_bytes = std::nullopt,
            .live = 2,
            .waiting = 1,
            .grants = 2,
            .waits = 1};
  CHECK(same(heap.counters(), now));

  heap.defer_free(second, bytes(40));
  now.live = now.deferred = 1;
  now.largest_free_bytes = std::nullopt;
  CHECK(same(heap.counters(), now));
  CHECK(same(heap.counters(), now));

  heap.poll();  // reclaims 48 bytes: the request of 144 fits beside the block of 112
  now.deferred = now.waiting = 0;
  now.used_bytes = now.peak_bytes = 256;
  now.live = 2;
  now.grants = 3;
  CHECK(same(heap.counters(), now));

  third.cancel();
  now.cancels = 1;
  now.live = 1;
  now.used_bytes = 112;
  now.largest_free_bytes = 144;
  CHECK(same(heap.stats(), now));

  {
    auto guard = heap.try_lock();
    first.reset();
    now.live = 0;
    now.deferred = 1;
    CHECK(same(guard.stats(), now));
    now.largest_free_bytes = std::nullopt;
    CHECK(same(heap.stats(), now));  // somebody else may not look into the raw heap
  }
  now.deferred = now.used_bytes = 0;
  now.largest_free_bytes = 256;
  CHECK(same(heap.stats(), now));

  heap.close();
  CHECK(heap.allocate(bytes(8)).poll().has_value());
  now.refusals = 1;
  CHECK(same(heap.stats(), now));
}

TEST_CASE("stats settles the heap after it has read the figures; counts only looks") {
  TestHeap heap(256);
  heap.defer_free(heap.try_allocate(bytes(40)), bytes(40));
  CHECK(heap.counters().deferred == 1);
  CHECK(heap.counters().deferred == 1);
  CHECK(heap.stats().deferred == 1);
  CHECK(heap.stats().deferred == 0);
}

TEST_CASE("resizing counts as use, and its peak stays") {
  TestHeap heap(256);
  void* const block = heap.try_allocate(bytes(40));
  CHECK(heap.try_resize(block, bytes(40), bytes(240)));
  CHECK(heap.counters().used_bytes == 248);
  CHECK(heap.try_resize(block, bytes(240), bytes(40)));
  CHECK(heap.counters().used_bytes == 48);
  CHECK(heap.counters().peak_bytes == 248);
  CHECK(heap.counters().live == 1);
  CHECK(heap.counters().grants == 1);
  heap.free(block, bytes(40));
}

TEST_CASE("what a waiting request got cancelled after its grant counts as both") {
  TestHeap heap(256);
  auto hog = granted(heap.allocate(bytes(240)));
  auto request = heap.allocate(bytes(240));
  CHECK(!request.poll());
  hog.reset();
  request.cancel();
  request.cancel();
  CHECK(heap.counters().grants == 2);
  CHECK(heap.counters().cancels == 1);
}

TEST_CASE("requests that close ends are neither cancelled nor refused") {
  TestHeap heap(256);
  const auto hog = granted(heap.allocate(bytes(240)));
  {
    auto request = heap.allocate(bytes(240));
    CHECK(!request.poll());
    heap.close();
  }
  CHECK(heap.counters().waiting == 0);
  CHECK(heap.counters().waits == 1);
  CHECK(heap.counters().cancels == 0);
}

TEST_CASE("the largest hole is one hole, not all that is free") {
  TestHeap heap(256);
  auto first = granted(heap.allocate(bytes(56)));
  const auto second = granted(heap.allocate(bytes(56)));
  auto third = granted(heap.allocate(bytes(88)));
  const auto fourth = granted(heap.allocate(bytes(24)));
  CHECK(heap.stats().largest_free_bytes == 0);
  first.reset();
  CHECK(heap.stats().largest_free_bytes == 64);
  third.reset();
  CHECK(heap.stats().largest_free_bytes == 96);
  CHECK(heap.stats().used_bytes == 96);
}

TEST_CASE("a set of counters counts each by itself") {
  mneme::CounterSet counters;
  counters.add(Count::pushed, 3);
  counters.increment(Count::reclaimed);
  counters.add(Count::refusals);
  counters.set(Count::used_bytes, 7);
  CHECK(counters.get(Count::pushed) == 3);
  CHECK(counters.get(Count::reclaimed) == 1);
  CHECK(counters.get(Count::refusals) == 1);
  CHECK(counters.get(Count::used_bytes) == 7);
  CHECK(counters.get(Count::peak_bytes) == 0);
  CHECK(counters.get(Count::waits) == 0);
  CHECK(counters.rest(Count::pushed, Count::reclaimed, Count::reclaimed) == 2);
  CHECK(counters.rest(Count::pushed, Count::reclaimed, Count::refusals) == 1);
  CHECK(counters.rest(Count::refusals, Count::pushed, Count::waits) == 0);  // seen in between
}
