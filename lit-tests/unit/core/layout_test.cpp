// purpose: shows, mostly at compile time, that no arithmetic of layouts wraps (P7).
// layer: tests; includes layout.
// threads: none.
// invariants: none.
// RUN: %runner %build/tests/layout_test
#include <doctest/doctest.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <mneme/layout.hpp>

using namespace mneme;

static_assert(checked_multiply(6, 7) == 42);
static_assert(checked_multiply(SIZE_MAX, 0) == 0);
static_assert(checked_multiply(SIZE_MAX, 1) == SIZE_MAX);
static_assert(checked_multiply(SIZE_MAX / 8, 8) == SIZE_MAX - 7);
static_assert(!checked_multiply(SIZE_MAX / 8 + 1, 8));
static_assert(!checked_multiply(SIZE_MAX, SIZE_MAX));

static_assert(Layout::of<char>() == Layout{1, 1});
static_assert(Layout::of<void*>() == Layout{word_bytes, word_bytes});
static_assert(Layout{}.align == alignof(std::max_align_t));
struct alignas(64) Line {};
static_assert(Layout::of<Line>() == Layout{64, 64});

static_assert(Layout::array<Line>(3).value() == Layout{192, 64});
static_assert(Layout::array<char>(0).value() == Layout{0, 1});
static_assert(Layout::array<char>(SIZE_MAX).value() == Layout{SIZE_MAX, 1});
static_assert(Layout::array<std::uint64_t>(SIZE_MAX / 8 + 2).error() == AllocError::too_large);
static_assert(Layout::array<std::uint64_t>(SIZE_MAX).error() == AllocError::too_large);

static_assert(BlockLayout::with_header({0, 1}).value() ==
              BlockLayout{2 * word_bytes, word_bytes, word_bytes});
static_assert(BlockLayout::with_header({word_bytes, 1}).value().size == 2 * word_bytes);
static_assert(BlockLayout::with_header({word_bytes + 1, 1}).value().size == 3 * word_bytes);
static_assert(BlockLayout::with_header({13 * word_bytes - 1, 4096}).value() ==
              BlockLayout{14 * word_bytes, 4096, word_bytes});
static_assert(BlockLayout::with_header({8, 0}).error() == AllocError::bad_alignment);
static_assert(BlockLayout::with_header({8, 3}).error() == AllocError::bad_alignment);
static_assert(BlockLayout::with_header({8, SIZE_MAX}).error() == AllocError::bad_alignment);
static_assert(BlockLayout::with_header({SIZE_MAX, 1}).error() == AllocError::too_large);
static_assert(BlockLayout::with_header({SIZE_MAX - word_bytes, 1}).error() ==
              AllocError::too_large);
static_assert(BlockLayout::with_header({SIZE_MAX - 2 * word_bytes + 1, 1}).value().size ==
              SIZE_MAX - word_bytes + 1);

TEST_CASE("the padding is the least that brings the payload to its alignment") {
  for (std::size_t align = 1; align != 0; align <<= 1) {
    const BlockLayout layout{.size = 16, .align = align, .header_bytes = word_bytes};
    for (const std::size_t address :
         {std::size_t{0}, std::size_t{8}, std::size_t{4096}, std::size_t{12344}, SIZE_MAX - 15}) {
      const std::size_t padding = layout.padding_at(address);
      CHECK(padding < align);
      CHECK((address + padding + word_bytes) % align == 0);
    }
  }
}

TEST_CASE("sizes near the end of the numbers either fit into them or are too large") {
  for (std::size_t less = 0; less < 64; ++less) {
    const std::size_t size = SIZE_MAX - less;
    const auto block = BlockLayout::with_header({size, 1});
    if (block) {
      CHECK(block->size % word_bytes == 0);
      CHECK(block->size - word_bytes >= size);
    } else {
      CHECK(block.error() == AllocError::too_large);
      CHECK(less < 2 * word_bytes);
    }
  }
}

TEST_CASE("an address is the pointer's own") {
  int numbers[2] = {};
  CHECK(address_of(&numbers[1]) - address_of(&numbers[0]) == sizeof(int));
  CHECK(address_of(nullptr) == 0);
}
