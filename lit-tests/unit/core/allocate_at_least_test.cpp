// purpose: shows that it takes as much as there is in one piece, but waits for its lower bound.
// layer: tests; includes mneme and the tests' support.
// threads: none.
// invariants: each heap is whole at the end of its test.
// RUN: %runner %build/tests/allocate_at_least_test
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <mneme/raw/first_fit.hpp>
#include <mneme/raw/pool.hpp>
#include <mneme/raw/quarantining.hpp>
#include <mneme/raw/wide_bounded.hpp>
#include <mneme/waiting/allocate_at_least.hpp>
#include <optional>
#include <random>
#include <utility>
#include <vector>

#include "support/effort.hpp"
#include "support/fatal_line.hpp"
#include "support/names.hpp"

using namespace tests::names;

TEST_CASE("all of an empty heap, or no more than its upper bound, in whole words") {
  TestHeap heap(64_words);
  {
    const auto all = granted(heap.allocate_at_least(bytes(1), SIZE_MAX));
    CHECK(all.layout() == bytes(63_words));
    std::memset(all.data(), 1, all.bytes().size());
  }
  CHECK(granted(heap.allocate_at_least(bytes(1), 9_words)).layout() == bytes(9_words));
  CHECK(granted(heap.allocate_at_least(bytes(1), 9_words - 3)).layout() == bytes(9_words - 3));
  CHECK(granted(heap.allocate_at_least(bytes(2_words - 3), 2_words)).layout() == bytes(2_words));
  CHECK(granted(heap.allocate_at_least(bytes(0), 0)).layout() == bytes(0));
  CHECK(granted(heap.allocate_at_least(bytes(9_words + 1), 9_words + 1)).layout() ==
        bytes(9_words + 1));
}

TEST_CASE("the largest hole, whatever its place") {
  TestHeap heap(64_words);
  auto a = granted(heap.allocate(bytes(9_words)));
  const auto wall = granted(heap.allocate(bytes(3_words)));
  auto b = granted(heap.allocate(bytes(19_words)));
  const auto wall2 = granted(heap.allocate(bytes(24_words)));  // 5 words are behind
  a.reset();
  b.reset();
  const auto most = granted(heap.allocate_at_least(bytes(2_words), SIZE_MAX));
  CHECK(most.layout() == bytes(19_words));
  CHECK(granted(heap.allocate_at_least(bytes(2_words), SIZE_MAX)).layout() == bytes(9_words));
  CHECK(heap.counters().live == 3);
}

TEST_CASE("it waits in its turn for the lower bound, and then takes what there is") {
  TestHeap heap(32_words);
  auto hog = granted(heap.allocate(bytes(25_words)));
  Alarm alarm;
  auto waits = heap.allocate_at_least(bytes(8_words), 20_words);
  CHECK(!waits.poll(alarm.waker()));
  auto behind = heap.allocate(bytes(1_words));
  CHECK(!behind.poll());
  CHECK(heap.counters().used_bytes == 26_words);
  hog.reset();
  CHECK(alarm.rings() == 1);
  CHECK(granted(waits).layout() == bytes(20_words));
  (void)granted(behind);
}

TEST_CASE("cancelled while it waits, or once it is granted, it gives all back") {
  TestHeap heap(32_words);
  for (const bool is_granted : {false, true}) {
    auto hog = granted(heap.allocate(bytes(25_words)));
    std::optional waits{heap.allocate_at_least(bytes(8_words), SIZE_MAX)};
    CHECK(!waits->poll());
    if (is_granted) hog.reset();
    waits.reset();
    CHECK(heap.counters().used_bytes == (is_granted ? 0 : 26_words));
  }
}

TEST_CASE("what it is refused for, and a closed heap") {
  TestHeap heap(32_words);
  CHECK(failed(heap.allocate_at_least(bytes(32_words), SIZE_MAX)) == AllocError::too_large);
  CHECK(failed(heap.allocate_at_least({8, 3}, SIZE_MAX)) == AllocError::bad_alignment);
  heap.close();
  CHECK(failed(heap.allocate_at_least(bytes(1), 8)) == AllocError::closed);
}

#if MNEME_CHECKED > 0
TEST_CASE("an upper bound below the lower one is fatal") {
  CHECK(mneme::test::fatal_line_of([] {
          TestHeap heap(32_words);
          (void)heap.allocate_at_least(bytes(9), 8).poll();
        }) == "mneme: fatal: allocate_at_least: the upper bound is below the lower one");
}
#endif

namespace {

/// On a heap with holes it takes exactly what fits into the largest of them.
template <class Raw>
void take_most(unsigned seed) {
  using AnyHeap = mneme::BasicHeap<Raw>;
  tests::BasicTestHeap<AnyHeap> heap(90_words);
  std::mt19937 random(seed);
  std::vector<mneme::Allocation<AnyHeap>> blocks;
  for (int step = 0; step < 40; ++step) {
    const mneme::Layout layout = bytes(word_bytes * (1 + random() % 5));
    if (void* const memory = heap.try_allocate(layout); memory != nullptr)
      blocks.push_back(mneme::Allocation<AnyHeap>::from_leaked(memory, layout));
  }
  std::erase_if(blocks, [&](auto&) { return random() % 2 == 0; });
  for (;;) {
    const std::size_t largest = *heap.stats().largest_free_bytes;
    if (largest < 2_words) break;
    const std::size_t max = word_bytes * (2 + random() % 20);
    auto most = granted(heap.allocate_at_least(bytes(1), max));
    REQUIRE(most.bytes().size() == std::min(max, largest - word_bytes));
    REQUIRE(sound(heap));
    blocks.push_back(std::move(most));
    REQUIRE(heap.counters().live == blocks.size());
  }
}

}  // namespace

TEST_CASE("on random holes it takes what fits into the largest") {
  for (unsigned seed = 0; seed < tests::rounds(50U); ++seed) {
    take_most<mneme::Bounded>(seed);
    take_most<mneme::FirstFit>(seed);
    take_most<mneme::WideBounded>(seed);
    take_most<mneme::Quarantining<mneme::Bounded, 3>>(seed);
  }
}

TEST_CASE("a slot of a pool, to its end") {
  tests::BasicTestHeap<mneme::BasicHeap<mneme::Pool<9_words>>> heap(64_words);
  CHECK(granted(heap.allocate_at_least(bytes(1), SIZE_MAX)).layout() == bytes(9_words));
}

TEST_CASE("with an alignment above two words it takes what the raw heap grants") {
  TestHeap heap(1024);
  const auto most = granted(heap.allocate_at_least({.size = 8, .align = 64}, SIZE_MAX));
  CHECK(most.layout().align == 64);
  CHECK(most.layout().size >= 1024 - 64 - 64);
}
