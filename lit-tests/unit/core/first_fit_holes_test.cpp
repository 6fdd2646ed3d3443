// RUN: %runner %build/tests/first_fit_holes_test
// purpose: holes of first fit as they are written into a region, and what is believed of them.
// layer: tests; includes first_fit_holes.
// threads: none.
// invariants: none.
#include <doctest/doctest.h>

#include <memory>
#include <mneme/raw/first_fit_holes.hpp>
#include <string>

#include "support/fatal_line.hpp"
#include "support/words.hpp"

using mneme::checks_enabled;
using mneme::word_bytes;
using mneme::test::operator""_words;

namespace {

/// Holes in a region of 32 words.
struct HolesOfTest : mneme::FirstFitHoles {
  using FirstFitHoles::first_;
  using FirstFitHoles::none;
  using FirstFitHoles::peek_hole;
  using FirstFitHoles::plausible;
  using FirstFitHoles::read_hole;
  using FirstFitHoles::set_next;
  using FirstFitHoles::write_hole;

  // Not on the stack, which the next function uses: its holes stay poisoned.
  static constexpr std::size_t bytes = 32 * word_bytes;
  std::unique_ptr<std::byte[]> memory = std::make_unique<std::byte[]>(bytes);  // NOLINT

  HolesOfTest() {
    base_ = memory.get();
    capacity_ = bytes;
  }
};

TEST_CASE("a hole is read as it was written, whatever its length") {
  for (const std::size_t size : {1_words, 2_words, 3_words, 9_words}) {
    HolesOfTest holes;
    holes.write_hole(4_words, size, 32_words);
    const auto read = holes.peek_hole(4_words);
    CHECK(read.size == size);
    CHECK(read.next == 32_words);
  }
}

TEST_CASE("what follows a hole can be changed, and its size stays") {
  for (const std::size_t size : {1_words, 2_words, 9_words}) {
    HolesOfTest holes;
    holes.write_hole(4_words, size, 20_words);
    holes.set_next(4_words, 32_words);
    const auto read = holes.peek_hole(4_words);
    CHECK(read.size == size);
    CHECK(read.next == 32_words);
  }
  HolesOfTest holes;
  holes.set_next(HolesOfTest::none, 4_words);
  CHECK(holes.first_ == 4_words);
}

TEST_CASE("a hole that is no whole words, or reaches too far, is not plausible") {
  HolesOfTest holes;
  CHECK(holes.plausible(28_words, {.size = 4_words, .next = 32_words}) == !mneme::is_hardened);
  CHECK_FALSE(holes.plausible(28_words, {.size = 5_words, .next = 32_words}));
  CHECK_FALSE(holes.plausible(28_words, {.size = 0, .next = 32_words}));
  CHECK_FALSE(holes.plausible(28_words, {.size = 4_words - 1, .next = 32_words}));
  CHECK_FALSE(holes.plausible(20_words, {.size = 4_words, .next = 23_words}));
  CHECK_FALSE(holes.plausible(20_words, {.size = 4_words, .next = 33_words}));
}

TEST_CASE("a checked build stops at a word that is no hole") {
  if (!checks_enabled) return;
  HolesOfTest holes;
  const auto line = mneme::test::fatal_line_of([&] { (void)holes.read_hole(8_words); });
  CHECK(line == "mneme: fatal: smashed hole at offset " + std::to_string(8_words) +
                    ": free memory was written");
}

}  // namespace
