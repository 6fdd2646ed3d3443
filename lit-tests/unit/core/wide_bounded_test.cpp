// RUN: %runner %build/tests/wide_bounded_test
// purpose: shows how the wide form writes holes, and that it takes larger regions.
// layer: tests; includes wide_bounded.
// threads: none.
// invariants: what all raw heaps promise is in raw_heap_test.
#include "mneme/raw/wide_bounded.hpp"

#include <doctest/doctest.h>

#include <array>
#include <vector>

using namespace mneme;

namespace {

constexpr BlockLayout wide_words(std::size_t count) {
  return {.size = count * word_bytes, .align = word_bytes, .header_bytes = word_bytes};
}

TEST_CASE("a wide hole has its size at both ends, and a word for each link") {
  constexpr BoundedForm wide{.is_wide = true};
  constexpr std::size_t far = HoleWordsOf<wide>::link_mask;
  alignas(64) std::array<std::byte, 32 * word_bytes> memory{};
  const HoleWordsOf<wide> words{memory.data() + word_bytes};
  const std::size_t top = words.first + 30;
  for (const std::size_t size : {2U, 4U, 6U, 8U, 12U}) {
    words.set(4 + size, header::hole_before);  // a block, whose header is 0 else
    words.write(4, size, {.next = far, .previous = 7});
    CHECK(words.ring(4).next == far);
    CHECK(words.ring(4).previous == 7);
    words.set_next(4, 12);
    words.set_previous(4, far - 1);
    if (size >= 8) {
      words.set_children(4, {{far - 2, far - 3}});
      words.set_parent(4, far - 4);
      CHECK(words.children(4).of[0] == far - 2);
      CHECK(words.children(4).of[1] == far - 3);
      CHECK(words.parent(4) == far - 4);
    }
    CHECK(words.ring(4).next == 12);
    CHECK(words.ring(4).previous == far - 1);
    CHECK(words.peek_size(4, top) == size);
    CHECK(words.size_of(4, top) == size);
    CHECK(words.size_before(4 + size, top) == size);
    words.set(4 + size - 1, std::size_t{14} << 2U);  // another size at its end
    CHECK(words.peek_size(4, top) == 0);
  }
}

TEST_CASE("a wide heap takes regions of megabytes, and its far holes are found again") {
  static_assert(WideBounded::max_region_bytes >= 1U << 30U);
  std::vector<std::byte> region((2U << 20U) + 4 * word_bytes);
  WideBounded raw(region);
  CHECK(raw.capacity_bytes() >= 2U << 20U);
  const std::size_t words = (2U << 20U) / word_bytes;
  std::byte* const far = raw.allocate(wide_words(words - 300));
  REQUIRE(far != nullptr);
  std::byte* const first = raw.allocate(wide_words(101));
  std::byte* const fence = raw.allocate(wide_words(2));
  std::byte* const second = raw.allocate(wide_words(101));
  REQUIRE(raw.allocate(wide_words(2)) != nullptr);
  REQUIRE(raw.deallocate(first, 101 * word_bytes));
  REQUIRE(raw.deallocate(second, 101 * word_bytes));
  CHECK(raw.validate() == nullptr);
  CHECK(raw.allocate(wide_words(102)) == first);
  CHECK(raw.allocate(wide_words(102)) == second);
  REQUIRE(raw.deallocate(far, (words - 300) * word_bytes));
  REQUIRE(raw.deallocate(fence, 2 * word_bytes));
  CHECK(raw.largest_hole_bytes() == (words - 300) * word_bytes);
  CHECK(raw.validate() == nullptr);
}

TEST_CASE("a block of an odd number of words takes one more, and aligned ones leave no hole") {
  alignas(64) std::byte region[41 * word_bytes];
  WideBounded raw{std::span(region).subspan(word_bytes)};
  CHECK(raw.base() == region + word_bytes);
  CHECK(raw.capacity_bytes() == 40 * word_bytes);
  std::byte* const a = raw.allocate(wide_words(3));
  CHECK(raw.taken_bytes(a, 3 * word_bytes) == 4 * word_bytes);
  CHECK(raw.free_bytes() == 36 * word_bytes);
  BlockLayout aligned = wide_words(5);
  aligned.align = 2 * word_bytes;
  CHECK(raw.allocate(aligned) == a + 4 * word_bytes);
  CHECK(raw.free_bytes() == 30 * word_bytes);
  CHECK(raw.resize(a, 3 * word_bytes, wide_words(4)));
  CHECK(raw.free_bytes() == 30 * word_bytes);
  CHECK_FALSE(raw.resize(a, 4 * word_bytes, wide_words(5)));
  CHECK(raw.deallocate(a, 4 * word_bytes) == 4 * word_bytes);
  CHECK(raw.validate() == nullptr);
}

}  // namespace
