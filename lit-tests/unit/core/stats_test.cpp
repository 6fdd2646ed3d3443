// purpose: shows each figure of a heap's statistics after each step that changes it.
// layer: tests; includes mneme and the tests' support.
// threads: one.
// invariants: figures count whole blocks, headers included; looking changes none of them.
// RUN: %runner %build/tests/stats_test
#include <cstddef>
#include <optional>

#include "support/names.hpp"

using namespace tests::names;
using mneme::Count;
using mneme::Stats;

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
  compare(is.asked_bytes, expected.asked_bytes);  // 0: these tests are not in detail
  compare(is.largest_request_bytes, expected.largest_request_bytes);
  compare(is.failed_tries, expected.failed_tries);
  return all;
}

}  // namespace

TEST_CASE("asking, waiting and giving up change the figures they should, and no other") {
  TestHeap heap(32_words);
  Stats now{.capacity_bytes = 32_words, .largest_free_bytes = 32_words};
  CHECK(same(heap.stats(), now));

  auto first = granted(heap.allocate(bytes(13_words)));  // a block of 14 words
  now.used_bytes = now.peak_bytes = 14_words;
  now.largest_free_bytes = 18_words;
  now.live = now.grants = 1;
  CHECK(same(heap.stats(), now));

  void* const second = heap.try_allocate(bytes(5_words));
  now.used_bytes = now.peak_bytes = 20_words;
  now.largest_free_bytes = 12_words;
  now.live = now.grants = 2;
  CHECK(same(heap.stats(), now));

  CHECK(heap.try_allocate(bytes(25_words)) == nullptr);  // try forms that fail leave no trace
  CHECK(heap.try_allocate(bytes(250_words)) == nullptr);
  CHECK(same(heap.stats(), now));

  CHECK(heap.allocate(bytes(250_words)).poll().has_value());
  CHECK(heap.allocate({8, 3}).poll().has_value());
  now.refusals = 2;
  CHECK(same(heap.stats(), now));

  auto third = heap.allocate(bytes(17_words));
  CHECK(!third.poll());
  CHECK(!third.poll());
  now.waiting = now.waits = 1;
  CHECK(same(heap.stats(), now));

  {
    auto fourth = heap.allocate(bytes(1_words));
    CHECK(!fourth.poll());
    now.waiting = now.waits = 2;
    CHECK(same(heap.stats(), now));
  }
  now.waiting = now.cancels = 1;
  CHECK(same(heap.stats(), now));

  heap.free(second, bytes(5_words));  // the request of 18 words fits beside the block of 14
  now.waiting = 0;
  now.used_bytes = now.peak_bytes = 32_words;
  now.largest_free_bytes = 0;
  now.grants = 3;
  CHECK(same(heap.stats(), now));
}

TEST_CASE("a request for no bytes counts as any other") {
  TestHeap heap(32_words);
  auto first = granted(heap.allocate(bytes(0)));
  Stats now{.capacity_bytes = 32_words,
            .used_bytes = 2_words,
            .peak_bytes = 2_words,
            .largest_free_bytes = 30_words,
            .live = 1,
            .grants = 1};
  CHECK(same(heap.stats(), now));
  void* const second = heap.try_allocate(bytes(0));
  now.used_bytes = now.peak_bytes = 4_words;
  now.largest_free_bytes = 28_words;
  now.live = now.grants = 2;
  CHECK(same(heap.stats(), now));
  heap.free(second, bytes(0));
  first.reset();
  now.used_bytes = now.live = 0;
  now.largest_free_bytes = 32_words;
  CHECK(same(heap.stats(), now));
}

TEST_CASE("freeing, deferring, cancelling and closing change theirs") {
  TestHeap heap(32_words);
  auto first = granted(heap.allocate(bytes(13_words)));
  void* const second = heap.try_allocate(bytes(5_words));
  auto third = heap.allocate(bytes(17_words));
  CHECK(!third.poll());
  Stats now{.capacity_bytes = 32_words,
            .used_bytes = 20_words,
            .peak_bytes = 20_words,
            .largest_free_bytes = std::nullopt,
            .live = 2,
            .waiting = 1,
            .grants = 2,
            .waits = 1};
  CHECK(same(heap.counters(), now));

  heap.defer_free(second, bytes(5_words));
  now.live = now.deferred = 1;
  now.largest_free_bytes = std::nullopt;
  CHECK(same(heap.counters(), now));
  CHECK(same(heap.counters(), now));

  heap.poll();  // reclaims 6 words: the request of 18 fits beside the block of 14
  now.deferred = now.waiting = 0;
  now.used_bytes = now.peak_bytes = 32_words;
  now.live = 2;
  now.grants = 3;
  CHECK(same(heap.counters(), now));

  third.cancel();
  now.cancels = 1;
  now.live = 1;
  now.used_bytes = 14_words;
  now.largest_free_bytes = 18_words;
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
  now.largest_free_bytes = 32_words;
  CHECK(same(heap.stats(), now));

  heap.close();
  CHECK(heap.allocate(bytes(1_words)).poll().has_value());
  now.refusals = 1;
  CHECK(same(heap.stats(), now));
}

TEST_CASE("stats settles the heap after it has read the figures; counts only looks") {
  TestHeap heap(32_words);
  heap.defer_free(heap.try_allocate(bytes(5_words)), bytes(5_words));
  CHECK(heap.counters().deferred == 1);
  CHECK(heap.counters().deferred == 1);
  CHECK(heap.stats().deferred == 1);
  CHECK(heap.stats().deferred == 0);
}

TEST_CASE("resizing counts as use, and its peak stays") {
  TestHeap heap(32_words);
  void* const block = heap.try_allocate(bytes(5_words));
  CHECK(heap.try_resize(block, bytes(5_words), bytes(30_words)));
  CHECK(heap.counters().used_bytes == 31_words);
  CHECK(heap.try_resize(block, bytes(30_words), bytes(5_words)));
  CHECK(heap.counters().used_bytes == 6_words);
  CHECK(heap.counters().peak_bytes == 31_words);
  CHECK(heap.counters().live == 1);
  CHECK(heap.counters().grants == 1);
  heap.free(block, bytes(5_words));
}

TEST_CASE("what a waiting request got cancelled after its grant counts as both") {
  TestHeap heap(32_words);
  auto hog = granted(heap.allocate(bytes(30_words)));
  auto request = heap.allocate(bytes(30_words));
  CHECK(!request.poll());
  hog.reset();
  request.cancel();
  request.cancel();
  CHECK(heap.counters().grants == 2);
  CHECK(heap.counters().cancels == 1);
}

TEST_CASE("requests that close ends are neither cancelled nor refused") {
  TestHeap heap(32_words);
  const auto hog = granted(heap.allocate(bytes(30_words)));
  {
    auto request = heap.allocate(bytes(30_words));
    CHECK(!request.poll());
    heap.close();
  }
  CHECK(heap.counters().waiting == 0);
  CHECK(heap.counters().waits == 1);
  CHECK(heap.counters().cancels == 0);
}

TEST_CASE("the largest hole is one hole, not all that is free") {
  TestHeap heap(32_words);
  auto first = granted(heap.allocate(bytes(7_words)));
  const auto second = granted(heap.allocate(bytes(7_words)));
  auto third = granted(heap.allocate(bytes(11_words)));
  const auto fourth = granted(heap.allocate(bytes(3_words)));
  CHECK(heap.stats().largest_free_bytes == 0);
  first.reset();
  CHECK(heap.stats().largest_free_bytes == 8_words);
  third.reset();
  CHECK(heap.stats().largest_free_bytes == 12_words);
  CHECK(heap.stats().used_bytes == 12_words);
}

TEST_CASE("the peak begins anew") {
  TestHeap heap(32_words);
  auto first = granted(heap.allocate(bytes(13_words)));
  auto second = granted(heap.allocate(bytes(9_words)));
  first.reset();
  {
    auto guard = heap.try_lock();
    CHECK(guard.stats().peak_bytes == 24_words);
    guard.reset_peak();
    CHECK(guard.stats().peak_bytes == 10_words);
  }
  CHECK(heap.counters().peak_bytes == 10_words);
  first = granted(heap.allocate(bytes(3_words)));
  CHECK(heap.counters().peak_bytes == 14_words);
}

TEST_CASE("a set of counters counts each by itself") {
  mneme::CounterSet counters;
  counters.add(Count::pushed, 3);
  counters.increment(Count::reclaimed);
  counters.add(Count::refusals);
  counters.set(Count::used_bytes, 7);
  counters.raise(Count::used_bytes, 5);
  counters.raise(Count::grants, 5);
  CHECK(counters.get(Count::grants) == 5);
  CHECK(counters.get(Count::pushed) == 3);
  CHECK(counters.get(Count::reclaimed) == 1);
  CHECK(counters.get(Count::refusals) == 1);
  CHECK(counters.get(Count::used_bytes) == 7);
  CHECK(counters.get(Count::peak_bytes) == 0);
  CHECK(counters.get(Count::waits) == 0);
  CHECK(counters.rest(Count::pushed, Count::reclaimed) == 2);
  CHECK(counters.rest(Count::pushed, Count::reclaimed, Count::refusals) == 1);
  CHECK(counters.rest(Count::refusals, Count::pushed, Count::waits) == 0);  // seen in between
}
