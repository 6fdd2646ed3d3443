// RUN: %runner %build/tests/inspect_test
// purpose: shows which values a dump of a live heap has, and that it is printed as an explanation.
// layer: tests; includes mneme, inspect and testing.
// threads: none.
// invariants: none.
#include <mneme/inspect.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdio>
#include <mneme/mneme.hpp>
#include <mneme/raw/first_fit.hpp>
#include <mneme/testing/explanation.hpp>
#include <mneme/waiting/lock_request.hpp>
#include <mneme/waiting/priorities.hpp>
#include <span>
#include <string>
#include <vector>

#include "support/coroutines.hpp"

using namespace mneme;

namespace {

constexpr std::size_t words(std::size_t count) { return count * word_bytes; }
constexpr Layout payload(std::size_t count) { return {.size = words(count), .align = word_bytes}; }

/// A heap of 64 words, whose first fit makes the offsets.
struct Inspected {
  alignas(64) std::byte region[words(64)]{};
  BasicHeap<FirstFit> heap{std::span{region}};

  void* get(std::size_t count) { return heap.try_allocate(payload(count)); }
  void give(void* block, std::size_t count) { (heap.free)(block, payload(count)); }
  template <std::size_t entries_max = 8>
  std::string text() {
    std::string printed;
    print(inspect<entries_max>(heap),
          [&](const char* part, std::size_t size) { printed.append(part, size); });
    return printed;
  }
};

TEST_CASE("an empty heap is one hole, and nothing waits") {
  Inspected here;
  const auto dump = inspect(here.heap);
  CHECK_FALSE(dump.is_locked);
  CHECK(dump.free_bytes == here.heap.capacity_bytes());
  CHECK(dump.largest_holes.total == 1);
  CHECK(dump.largest_holes.entries[0].offset == 0);
  CHECK(dump.largest_holes.entries[0].size_bytes == here.heap.capacity_bytes());
  CHECK(dump.extents_in_use.total == 0);
  CHECK(dump.waiting.total == 0);
}

TEST_CASE("a full heap has no hole, and is in use up to its end") {
  Inspected here;
  void* const all = here.get(63);
  const auto dump = inspect(here.heap);
  CHECK(dump.free_bytes == 0);
  CHECK(dump.largest_holes.total == 0);
  REQUIRE(dump.extents_in_use.total == 1);
  CHECK(dump.extents_in_use.entries[0].size_bytes == words(64));
  CHECK(here.text().starts_with("  0 of " + testing::bytes_text(words(64)) + " are free.\n"));
  here.give(all, 63);
}

TEST_CASE("requests of all levels are there, the highest first") {
  alignas(64) std::byte region[words(8)]{};
  BasicHeap<FirstFit, SpinLock, Priorities<3>> heap{std::span{region}};
  void* const all = heap.try_allocate(payload(7));
  auto low = heap.allocate(payload(1));
  auto high = heap.allocate(payload(2)).priority(2);
  auto middle = heap.allocate(payload(3)).priority(1);
  CHECK_FALSE(low.poll());
  CHECK_FALSE(high.poll());
  CHECK_FALSE(middle.poll());
  const auto dump = inspect(heap);
  REQUIRE(dump.waiting.total == 3);
  CHECK(dump.waiting.entries[0].needed_bytes == words(3));
  CHECK(dump.waiting.entries[1].needed_bytes == words(4));
  CHECK(dump.waiting.entries[2].needed_bytes == words(2));
  heap.close();
  (heap.free)(all, payload(7));
}

TEST_CASE("the holes, the largest first, what is between them, and the oldest request first") {
  Inspected here;
  void* const a = here.get(9);   // words 0 to 9
  void* const b = here.get(9);   // 10 to 19
  void* const c = here.get(19);  // 20 to 39
  void* const d = here.get(3);   // 40 to 43; 20 are free behind it
  here.give(a, 9);
  here.give(c, 19);
  auto first = here.heap.allocate(payload(29));
  CHECK_FALSE(first.poll());
  auto second = here.heap.allocate({.size = 1, .align = 2 * word_bytes});
  CHECK_FALSE(second.poll());

  const auto dump = inspect(here.heap);
  CHECK(dump.free_bytes == words(50));
  CHECK(dump.largest_holes.total == 3);
  CHECK(dump.largest_holes.listed == 3);
  CHECK(dump.largest_holes.entries[0].offset == words(20));
  CHECK(dump.largest_holes.entries[1].offset == words(44));
  CHECK(dump.largest_holes.entries[2].size_bytes == words(10));
  CHECK(dump.extents_in_use.total == 2);
  CHECK(dump.extents_in_use.entries[0].offset == words(10));
  CHECK(dump.extents_in_use.entries[0].size_bytes == words(10));
  CHECK(dump.extents_in_use.entries[1].offset == words(40));
  CHECK(dump.waiting.total == 2);
  CHECK(dump.waiting.entries[0].needed_bytes == words(30));
  CHECK(dump.waiting.entries[1].needed_bytes == words(2));
  CHECK(dump.waiting.entries[1].align == 2 * word_bytes);
  CHECK_FALSE(dump.waiting.entries[0].is_of_coroutine);
  CHECK(dump.stats.waiting == (Stats::enabled ? 2 : dump.stats.waiting));

  const auto one = inspect<1>(here.heap);
  CHECK(one.largest_holes.total == 3);
  CHECK(one.largest_holes.listed == 1);
  CHECK(one.largest_holes.entries[0].size_bytes == words(20));
  CHECK(one.waiting.entries[0].request == dump.waiting.entries[0].request);
  second.cancel();
  first.cancel();
  here.give(b, 9);
  here.give(d, 3);
}

TEST_CASE("a dump is printed in the sentences of the driver") {
  Inspected here;
  void* const a = here.get(29);
  void* const b = here.get(29);
  here.give(a, 29);  // holes of 30 and 4 words
  auto first = here.heap.allocate(payload(31));
  CHECK_FALSE(first.poll());
  auto second = here.heap.allocate(payload(3));
  CHECK_FALSE(second.poll());
  auto third = here.heap.allocate(payload(49));
  CHECK_FALSE(third.poll());

  const auto dump = inspect(here.heap);
  const std::vector<std::size_t> holes{words(30), words(4)};
  std::string wanted = "  " + std::to_string(words(34)) + " of " + testing::bytes_text(words(64)) +
                       " are free, in 2 holes; the largest has " + testing::bytes_text(words(30)) +
                       ".\n";
  std::size_t place = 0;
  for (const WaitingRequest& waiting : dump.waiting) {
    char name[32];
    std::snprintf(name, sizeof name, "request %p", waiting.request);
    wanted += testing::waiter_text(name, place++, waiting.needed_bytes, holes);
  }
  const auto at = [](std::size_t offset) { return " at " + std::to_string(words(offset)) + "\n"; };
  const std::string uses = "  in use: " + testing::bytes_text(words(30)) + at(30);
  const std::string large = "  hole: " + testing::bytes_text(words(30)) + at(0);
  const std::string small = "  hole: " + testing::bytes_text(words(4)) + at(60);
  CHECK(here.text() == wanted + uses + large + small);

  const std::string shorter = here.text<1>();
  CHECK(shorter.contains("  and 2 more wait\n"));
  CHECK_FALSE(shorter.contains(small));
  third.cancel();
  second.cancel();
  first.cancel();
  here.give(b, 29);
}

tests::Detached wait_for(BasicHeap<FirstFit>& heap) {
  auto block = co_await heap.allocate(payload(9));
  CHECK(block.has_value());
}

TEST_CASE("of a locked heap the requests are known, and a request for the lock is shown as such") {
  Inspected here;
  {
    auto guard = here.heap.try_lock();
    wait_for(here.heap);
    auto lock = here.heap.lock();
    CHECK_FALSE(lock.poll());
    const auto dump = inspect(here.heap);
    CHECK(dump.is_locked);
    CHECK(dump.largest_holes.total == 0);
    REQUIRE(dump.waiting.total == 2);
    CHECK(dump.waiting.entries[0].is_of_coroutine);
    CHECK(dump.waiting.entries[0].needed_bytes == words(10));
    CHECK(dump.waiting.entries[1].needed_bytes == 0);
    const std::string text = here.text();
    CHECK(text.starts_with("  the heap is locked.\n"));
    CHECK(text.contains(" needs " + testing::bytes_text(words(10)) + " in one piece\n"));
    CHECK(text.ends_with(" waits for the lock or for several blocks\n"));
    lock.cancel();
  }
  here.heap.poll();
  CHECK(inspect(here.heap).free_bytes == words(64));
}

}  // namespace
