// RUN: %runner %build/tests/bounded_test
// purpose: shows where the bounded heap puts blocks, and that it believes no smashed hole.
// layer: tests; includes bounded.
// threads: none.
// invariants: what all raw heaps promise is in raw_heap_test.
#include "mneme/raw/bounded.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "support/fatal_line.hpp"
#include "support/raw_heaps.hpp"

using namespace mneme;

namespace {

using test::Holes;
using test::holes_of;
using test::of_words;

struct BoundedFixture {
  alignas(64) std::byte region[128 * word_bytes]{};
  Bounded raw{region};

  [[nodiscard]] std::size_t offset(const std::byte* block) const {
    return static_cast<std::size_t>(block - region) / word_bytes;
  }
  /// Overwrites a word of free memory, as a dangling pointer would.
  void smash(std::size_t word, std::size_t value) {
    header::store(region + word * word_bytes, value);
  }
};

TEST_CASE_FIXTURE(BoundedFixture, "the smallest hole is taken, the room at the end last") {
  std::byte* blocks[8];
  const std::size_t sizes[] = {10, 2, 4, 2, 6, 2, 8, 2};
  for (std::size_t i = 0; i < 8; ++i) blocks[i] = raw.allocate(of_words(sizes[i]));
  for (const std::size_t i : {0U, 2U, 4U, 6U}) {
    REQUIRE(raw.deallocate(blocks[i], sizes[i] * word_bytes));
  }
  CHECK(raw.allocate(of_words(5)) == blocks[4]);
  CHECK(raw.allocate(of_words(7)) == blocks[6]);
  CHECK(raw.allocate(of_words(4)) == blocks[2]);
  CHECK(raw.allocate(of_words(9)) == blocks[0]);
  CHECK(offset(raw.allocate(of_words(2))) == 36);
  CHECK(raw.validate() == nullptr);
}

TEST_CASE_FIXTURE(BoundedFixture, "holes of one word are found again when a neighbour is freed") {
  std::byte* const a = raw.allocate(of_words(4));
  std::byte* const b = raw.allocate(of_words(4));
  std::byte* const c = raw.allocate(of_words(4));
  CHECK(raw.resize(a, 4 * word_bytes, of_words(3)));
  CHECK(raw.resize(b, 4 * word_bytes, of_words(3)));
  CHECK(holes_of(raw).size() == 3);
  CHECK(offset(raw.allocate(of_words(2))) == 12);
  CHECK(raw.deallocate(b, 3 * word_bytes));
  CHECK(holes_of(raw)[0] == std::pair(3 * word_bytes, 5 * word_bytes));
  CHECK(raw.deallocate(c, 4 * word_bytes));
  CHECK(raw.validate() == nullptr);
}

TEST_CASE("blocks of the default alignment stay side by side, or leave one word that is merged") {
  alignas(64) std::byte region[64 * 4 * word_bytes];
  Bounded raw(region);
  std::vector<std::byte*> blocks;
  while (std::byte* const block = raw.allocate(of_words(4, 2 * word_bytes)))
    blocks.push_back(block);
  CHECK(blocks.size() == 63);
  for (std::byte* const block : blocks) REQUIRE(raw.deallocate(block, 4 * word_bytes));
  CHECK(holes_of(raw) == Holes{{0, raw.capacity_bytes()}});
}

TEST_CASE("a region that links cannot name is refused, not cut") {
  std::byte byte{};
  const Bounded raw(std::span(&byte, Bounded::max_region_bytes + 2 * word_bytes));
  CHECK(raw.capacity_bytes() == 0);
  CHECK_FALSE(raw.fits_empty(of_words(2)));
}

TEST_CASE("a small heap needs less memory for itself, and reuses the least hole too") {
  static_assert(sizeof(SmallBounded) <= sizeof(Bounded) * 2 / 5);
  static_assert(sizeof(std::size_t) > 4 || sizeof(SmallBounded) <= 40 || checks_enabled);
  alignas(64) std::byte region[128 * word_bytes]{};
  SmallBounded raw(region);
  std::byte* blocks[6];
  const std::size_t sizes[] = {30, 2, 12, 2, 20, 2};
  for (std::size_t i = 0; i < 6; ++i) blocks[i] = raw.allocate(of_words(sizes[i]));
  for (const std::size_t i : {0U, 2U, 4U})
    REQUIRE(raw.deallocate(blocks[i], sizes[i] * word_bytes));
  CHECK(raw.allocate(of_words(13)) == blocks[4]);
  CHECK(raw.allocate(of_words(12)) == blocks[2]);
  CHECK(raw.allocate(of_words(8)) == blocks[0]);
  CHECK(raw.allocate(of_words(7)) == blocks[4] + 13 * word_bytes);
  CHECK(raw.validate() == nullptr);
}

TEST_CASE_FIXTURE(BoundedFixture, "in a checked build no walk follows a smashed hole") {
  if constexpr (!checks_enabled) return;
  std::byte* const a = raw.allocate(of_words(10));
  std::byte* const b = raw.allocate(of_words(4));
  std::byte* const c = raw.allocate(of_words(10));
  std::byte* const d = raw.allocate(of_words(80));
  REQUIRE(raw.deallocate(a, 10 * word_bytes));
  REQUIRE(raw.deallocate(c, 10 * word_bytes));
  const std::size_t good_links = header::load(region);
  const std::size_t good_size = header::load(region + word_bytes);
  const auto line_of = [&](std::size_t word, std::size_t value, auto step) {
    const std::size_t good = header::load(region + word * word_bytes);
    std::string line = test::fatal_line_of([&] {
      smash(word, value);
      step();
    });
    CHECK(header::load(region + word * word_bytes) == good);  // the child had a copy
    return line;
  };
  const auto free_b = [&] { (void)raw.deallocate(b, 4 * word_bytes); };
  const auto allocate = [&] { (void)raw.allocate(of_words(10)), (void)raw.allocate(of_words(10)); };
  for (const std::size_t value : {std::size_t{0}, std::size_t{12 << 2}, std::size_t{9 << 2},
                                  std::size_t{1000 << 2}, SIZE_MAX}) {
    CAPTURE(value);
    CHECK(line_of(1, value, allocate) != "");  // the size
    CHECK(line_of(1, value, free_b) != "");
    CHECK(line_of(9, value, allocate) != "");  // the size in the last word
    CHECK(line_of(9, value, free_b) != "");
  }
  CHECK(line_of(0, 0, allocate) != "");                    // no hole
  CHECK(line_of(0, good_links ^ (8 << 2), free_b) != "");  // the link
  CHECK(line_of(0, SIZE_MAX & ~std::size_t{2}, free_b) != "");
  CHECK(header::load(region + word_bytes) == good_size);
  CHECK(raw.validate() == nullptr);
  smash(1, 12 << 2);
  REQUIRE(raw.validate() != nullptr);
  CHECK(std::string(raw.validate()) == "a hole's size or link is impossible");
  smash(1, good_size);
  REQUIRE(raw.deallocate(b, 4 * word_bytes));
  REQUIRE(raw.deallocate(d, 80 * word_bytes));
  CHECK(holes_of(raw) == Holes{{0, raw.capacity_bytes()}});
}

TEST_CASE_FIXTURE(BoundedFixture,
                  "a block with a wrong size or of another heap behind it is not taken back") {
  if constexpr (!checks_enabled) return;
  std::byte* const a = raw.allocate(of_words(10), 0x1000);
  std::byte* const b = raw.allocate(of_words(10), 0x1000);
  std::byte* const c = raw.allocate(of_words(10), 0x1000);
  for (std::size_t wrong : {2U, 9U, 11U, 18U, 31U, 200U}) {
    CAPTURE(wrong);
    CHECK_FALSE(raw.deallocate(a, wrong * word_bytes));
  }
  const std::size_t good = header::load(b);
  smash(offset(b), 0x2000);
  CHECK_FALSE(raw.deallocate(a, 10 * word_bytes));
  smash(offset(b), good);
  CHECK(raw.deallocate(b, 10 * word_bytes));
  CHECK_FALSE(raw.deallocate(b, 10 * word_bytes));
  CHECK(raw.deallocate(a, 10 * word_bytes));
  CHECK_FALSE(raw.deallocate(b, 10 * word_bytes));  // now inside of a hole
  CHECK(raw.deallocate(c, 10 * word_bytes));
  CHECK_FALSE(raw.deallocate(b, 10 * word_bytes));  // now in the room at the end
}

}  // namespace
