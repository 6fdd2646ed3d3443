// RUN: %runner %build/tests/any_placement_test
// purpose: what AnyPlacement answers, and which of its answers are open.
// layer: tests; includes raws.
// threads: one.
// invariants: none.
#include "raw_heaps/any_placement.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <vector>

namespace {

using mneme::AnyPlacement;
using mneme::BlockLayout;
using mneme::word_bytes;

constexpr std::size_t slot_words = 16;

/// A heap of so many words, whose blocks are of multiples of two.
struct Heap {
  explicit Heap(std::size_t words)
      : raw(std::span(region),
            {.number = words * word_bytes,
             .largest = {.size = (slot_words - 1) * word_bytes, .align = word_bytes},
             .unit_bytes = 2 * word_bytes,
             .has_growth = true}) {
    AnyPlacement::choose(0);
    AnyPlacement::forget_growth();
  }
  [[nodiscard]] static BlockLayout layout(std::size_t words, std::size_t align = 1) {
    return {.size = words * word_bytes, .align = align * word_bytes, .header_bytes = word_bytes};
  }
  [[nodiscard]] std::byte* allocate(std::size_t words, std::size_t align = 1) {
    return raw.allocate(layout(words, align), 0);
  }
  [[nodiscard]] std::size_t growth_words() const {
    return AnyPlacement::least_growth() / word_bytes;
  }

  alignas(64) std::array<std::byte, 8 * slot_words * word_bytes> region{};
  AnyPlacement raw;
};

TEST_CASE("an empty heap grants what fits, and refuses the rest") {
  Heap heap{10};
  CHECK(heap.allocate(12) == nullptr);
  CHECK(heap.growth_words() == 2);
  CHECK(heap.allocate(10) != nullptr);
  CHECK(AnyPlacement::open_questions() == 0);
  CHECK(heap.raw.free_bytes() == 0);
}

TEST_CASE("a request is sure if all holes together are too large to be each too short for it") {
  // One block leaves two holes: with 6 words free, both may have 2 words, or 4 and 2.
  Heap heap{8};
  std::byte* const block = heap.allocate(2);
  REQUIRE(block != nullptr);
  CHECK(heap.allocate(4) != nullptr);
  CHECK(AnyPlacement::open_questions() == 0);

  // With 4 free words, 2 and 2 are possible, which one word more does not change: the unit is two.
  for (const std::size_t words : {std::size_t{6}, std::size_t{7}}) {
    Heap tight{words};
    REQUIRE(tight.allocate(2) != nullptr);
    CHECK(tight.allocate(4) == nullptr);
    CHECK(AnyPlacement::open_questions() == 1);
    CHECK(tight.growth_words() == 8 - words);
  }
}

TEST_CASE("an open answer is the one that was chosen") {
  Heap heap{6};
  std::byte* const block = heap.allocate(2);
  AnyPlacement::choose(1);
  std::byte* const other = heap.allocate(4);
  CHECK(other != nullptr);
  CHECK(AnyPlacement::open_questions() == 1);
  CHECK(heap.raw.deallocate(other, 4 * word_bytes) != 0);
  CHECK(heap.allocate(4) == nullptr);  // the only yes is used up
  CHECK(AnyPlacement::open_questions() == 2);
  CHECK(heap.raw.deallocate(block, 2 * word_bytes) != 0);
  CHECK(heap.raw.validate() == nullptr);
}

TEST_CASE("what did not fit, fits after a block was freed, and not before") {
  Heap heap{8};
  std::byte* const block = heap.allocate(2);
  REQUIRE(heap.allocate(2) != nullptr);
  CHECK(heap.allocate(4) == nullptr);
  AnyPlacement::choose(9);
  CHECK(heap.allocate(4) == nullptr);
  CHECK(AnyPlacement::open_questions() == 0);
  CHECK(heap.allocate(2) != nullptr);  // a smaller one
  CHECK(heap.raw.deallocate(block, 2 * word_bytes) != 0);
  CHECK(heap.allocate(4) != nullptr);
}

TEST_CASE("an aligned request needs a hole that has an aligned place, wherever it begins") {
  Heap heap{10};
  heap.raw.~AnyPlacement();
  new (&heap.raw) AnyPlacement(std::span(heap.region),
                               {.number = 10 * word_bytes,
                                .largest = {.size = 8 * word_bytes, .align = 4 * word_bytes},
                                .unit_bytes = word_bytes});
  REQUIRE(heap.allocate(2) != nullptr);
  CHECK(heap.allocate(2, 4) == nullptr);  // in two holes of 4 words it may not fit
  CHECK(AnyPlacement::open_questions() == 1);
  CHECK(heap.raw.extend(word_bytes));
  CHECK(heap.allocate(2, 4) != nullptr);  // one of two has 5
  CHECK(AnyPlacement::open_questions() == 1);
}

TEST_CASE(
    "a block may grow in place or not, as far as there are free bytes; it can always shrink") {
  Heap heap{8};
  std::byte* const block = heap.allocate(4);
  CHECK(heap.raw.resize(block, 4 * word_bytes, Heap::layout(6)));
  CHECK(AnyPlacement::open_questions() == 1);
  CHECK_FALSE(heap.raw.resize(block, 6 * word_bytes, Heap::layout(10)));
  CHECK(AnyPlacement::open_questions() == 1);
  AnyPlacement::choose(1);
  CHECK_FALSE(heap.raw.resize(block, 6 * word_bytes, Heap::layout(8)));
  CHECK(heap.raw.resize(block, 6 * word_bytes, Heap::layout(2)));
  CHECK(heap.raw.free_bytes() == 6 * word_bytes);
}

TEST_CASE("what is no block is not taken back") {
  Heap heap{8};
  std::byte* const block = heap.allocate(4);
  REQUIRE(block != nullptr);
  CHECK(heap.raw.deallocate(block + word_bytes, 4 * word_bytes) == 0);
  CHECK(heap.raw.deallocate(block, 4 * word_bytes) != 0);
  CHECK(heap.raw.deallocate(block, 4 * word_bytes) == 0);
  CHECK(heap.raw.free_bytes() == 8 * word_bytes);
}

}  // namespace
