// RUN: %runner %build/tests/published_bugs_of_raw_heaps_test
// purpose: shows that what was published of linked_list_allocator and of tlsf does not happen here.
// layer: tests; includes everything.
// threads: none.
// invariants: the heap is as new at the end.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "support/tasks.hpp"
#include "support/words.hpp"

using namespace mneme;
using mneme::test::operator""_words;

namespace {

TEST_CASE("RUSTSEC-2022-0063: regions and growths smaller than a hole, and of odd sizes") {
  for (std::size_t size = 0; size <= 80; ++size) {
    for (std::size_t skew = 0; skew < 8; ++skew) {
      alignas(16) std::byte memory[96];
      Heap heap{std::span(memory).subspan(skew, size)};
      void* const first = heap.try_allocate(test::by_words(1_words));
      if (first == nullptr) continue;
      // Word by word, as far as the region goes: each step is less than the two words of a hole.
      std::size_t have = 1_words;
      while (heap.try_resize(first, test::by_words(have), test::by_words(have + 1_words))) {
        have += 1_words;
        if (heap.validate() != nullptr) FAIL(heap.validate());
      }
      CHECK(have == heap.capacity_bytes() - 1_words);
      while (have > 1_words) {
        CHECK(heap.try_resize(first, test::by_words(have), test::by_words(have - 1_words)));
        have -= 1_words;
        if (heap.validate() != nullptr) FAIL(heap.validate());
      }
      heap.free(first, test::by_words(1_words));
      CHECK(tests::whole(heap));
    }
  }
}

TEST_CASE(
    "#64, wrong logic of the free: between two holes, beside one, beside none, at both ends") {
  for (unsigned free_before = 0; free_before < 32; ++free_before) {
    alignas(16) std::byte region[5 * 4_words];
    Heap heap(region);
    void* blocks[5];
    for (auto& block : blocks) block = heap.try_allocate(test::by_words(3_words));
    for (const bool before : {true, false}) {
      for (std::size_t i = 0; i < 5; ++i) {
        if (((free_before >> i & 1U) != 0) == before) heap.free(blocks[i], test::by_words(3_words));
        REQUIRE(heap.validate() == nullptr);
      }
    }
    CHECK(tests::whole(heap));
  }
}

TEST_CASE("#66, padding behind a block leaked: a rest of one word is a hole, and comes back") {
  alignas(64) std::byte region[32_words];
  Heap heap(region);
  for (std::size_t size = 1_words; size <= 30_words; size += 1_words) {
    for (std::size_t align = 1_words; align <= 16_words; align *= 2) {
      const Layout layout{.size = size, .align = align};
      void* const payload = heap.try_allocate(layout);
      if (payload == nullptr) continue;
      const Stats stats = heap.stats();
      CHECK(stats.used_bytes == size + 1_words);
      heap.free(payload, layout);
      REQUIRE(tests::whole(heap));
    }
  }
}

TEST_CASE("#70, a free that hangs: frees in all orders end") {
  std::vector<std::size_t> order{0, 1, 2, 3, 4};
  do {
    alignas(16) std::byte region[5 * 3_words];
    Heap heap(region);
    void* blocks[5];
    for (auto& block : blocks) block = heap.try_allocate(test::by_words(2_words));
    for (const std::size_t i : order) heap.free(blocks[i], test::by_words(2_words));
    REQUIRE(tests::whole(heap));
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST_CASE("#79 and tlsf #22: a huge size neither panics nor becomes a tiny block") {
  alignas(64) std::byte region[256];
  Heap heap(region);
  for (std::size_t below = 0; below < 64; ++below) {
    for (const std::size_t align : {std::size_t{1}, std::size_t{8}, std::size_t{64}}) {
      CHECK(heap.try_allocate({.size = SIZE_MAX - below, .align = align}) == nullptr);
      CHECK(heap.allocate({.size = SIZE_MAX - below, .align = align}).poll()->error() ==
            AllocError::too_large);
    }
  }
  CHECK(tests::whole(heap));
}

}  // namespace
