// RUN: %runner %build/tests/first_fit_test
// purpose: shows what is first-fit's own: where blocks go, holes of one word, its checks.
// layer: tests; includes first_fit.
// threads: none.
// invariants: the promises that all raw heaps share are in raw_heap_test.
#include <doctest/doctest.h>

#include <mneme/raw/first_fit.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "support/fatal_line.hpp"
#include "support/raw_heaps.hpp"
#include "support/words.hpp"

using namespace mneme;

namespace {

using test::Holes;
using test::holes_of;
using test::operator""_words;

/// Writes a word into free memory, as a dangling pointer would, behind the back of all tools.
void smash(FirstFit& raw, std::size_t offset, std::size_t value) {
  const instrument::ScopedUnpoison window(raw.base() + offset, word_bytes);
  __builtin_memcpy(raw.base() + offset, &value, word_bytes);
}

TEST_CASE("the lowest hole that fits is taken, and blocks lie side by side") {
  alignas(64) std::byte region[32_words];
  FirstFit raw(region);
  std::byte* const a = raw.allocate({.size = 4_words});
  std::byte* const b = raw.allocate({.size = 2_words});
  std::byte* const c = raw.allocate({.size = 6_words});
  CHECK(a == region);
  CHECK(b == region + 4_words);
  CHECK(c == region + 6_words);
  CHECK(raw.deallocate(a, 4_words));
  CHECK(raw.deallocate(c, 6_words));
  CHECK(holes_of(raw) == Holes{{0, 4_words}, {6_words, 26_words}});
  CHECK(raw.allocate({.size = 5_words}) == region + 6_words);  // the first hole is too short
  CHECK(raw.allocate({.size = 3_words}) == region);
  CHECK(raw.allocate({.size = 2_words}) == region + 11_words);  // the first hole has one word left
  CHECK(holes_of(raw) == Holes{{3_words, 1_words}, {13_words, 19_words}});
}

TEST_CASE("holes of a single word come, are skipped, and go again") {
  alignas(64) std::byte region[12_words];
  FirstFit raw(region);
  std::byte* const a = raw.allocate({.size = 3_words});
  std::byte* const b = raw.allocate({.size = 3_words});
  std::byte* const c = raw.allocate({.size = 6_words});
  CHECK(holes_of(raw).empty());
  CHECK(raw.resize(a, 3_words, {.size = 2_words}));
  CHECK(raw.resize(b, 3_words, {.size = 2_words}));
  CHECK(holes_of(raw) == Holes{{2_words, 1_words}, {5_words, 1_words}});
  CHECK(raw.allocate({.size = 2_words}) == nullptr);
  CHECK(raw.resize(a, 2_words, {.size = 3_words}));  // eats a hole of one word
  CHECK_FALSE(raw.resize(a, 3_words, {.size = 4_words}));
  CHECK(raw.deallocate(c, 6_words));  // joins the hole of one word in front of it
  CHECK(holes_of(raw) == Holes{{5_words, 7_words}});
  CHECK(raw.deallocate(b, 2_words));
  CHECK(raw.deallocate(a, 3_words));
  CHECK(holes_of(raw) == Holes{{0, 12_words}});
}

TEST_CASE("alignment leaves its padding as a hole, also one of a single word, and gets it back") {
  alignas(64) std::byte region[32_words];
  FirstFit raw(region);
  // Payloads behind a header of one word: the header stands right before the aligned place.
  std::byte* const a = raw.allocate({.size = 3_words, .align = 2_words, .header_bytes = 1_words});
  CHECK(a == region + 1_words);
  CHECK(holes_of(raw) == Holes{{0, 1_words}, {4_words, 28_words}});
  std::byte* const b = raw.allocate({.size = 2_words, .align = 8_words, .header_bytes = 1_words});
  CHECK(b == region + 7_words);
  CHECK(holes_of(raw) == Holes{{0, 1_words}, {4_words, 3_words}, {9_words, 23_words}});
  CHECK(raw.deallocate(a, 3_words));
  CHECK(holes_of(raw) == Holes{{0, 7_words}, {9_words, 23_words}});
  CHECK(raw.deallocate(b, 2_words));
  CHECK(holes_of(raw) == Holes{{0, 32_words}});
}

TEST_CASE("a block grows into the hole behind it, up to its last word, and gives it back") {
  alignas(64) std::byte region[16_words];
  FirstFit raw(region);
  std::byte* const a = raw.allocate({.size = 4_words});
  std::byte* const b = raw.allocate({.size = 2_words});
  CHECK_FALSE(raw.resize(a, 4_words, {.size = 5_words}));  // b is in the way
  CHECK(raw.resize(b, 2_words, {.size = 12_words}));
  CHECK(raw.free_bytes() == 0);
  CHECK_FALSE(raw.resize(b, 12_words, {.size = 13_words}));  // the region ends
  CHECK(raw.resize(b, 12_words, {.size = 12_words}));
  CHECK(raw.resize(b, 12_words, {.size = 3_words}));
  CHECK(holes_of(raw) == Holes{{7_words, 9_words}});
}

TEST_CASE("what reaches beyond the region's end is not taken back") {
  alignas(64) std::byte region[32_words];
  FirstFit raw(region);
  for (int i = 0; i < 8; ++i) REQUIRE(raw.allocate({.size = 4_words}) != nullptr);
  CHECK(!raw.deallocate(region + 28_words, 8_words));
  CHECK(!raw.deallocate(region + 32_words, 4_words));
  CHECK(raw.validate() == nullptr);
  CHECK(raw.deallocate(region + 28_words, 4_words));
}

TEST_CASE("validate names what is wrong with a smashed hole") {
  const auto verdict = [](std::size_t offset, std::size_t value) {
    alignas(64) std::byte region[32_words];
    FirstFit raw(region);
    for (int i = 0; i < 8; ++i) (void)raw.allocate({.size = 4_words});
    (void)raw.deallocate(region, 4_words);             // holes at 0,
    (void)raw.deallocate(region + 12_words, 8_words);  // at 12 words
    (void)raw.deallocate(region + 28_words, 4_words);  // and at 28
    CHECK(raw.validate() == nullptr);
    smash(raw, offset, value);
    const char* const wrong = raw.validate();
    return std::string(wrong == nullptr ? "nothing" : wrong);
  };
  const std::string impossible = "a hole's size or link is impossible";
  // A checked build compares the hole with its own other word, and with the word behind it.
  const auto later = [&](const char* wrong) { return checks_enabled ? impossible : wrong; };
  CHECK(verdict(0, 12_words | header::hole) == "nothing");  // what stands there anyway
  CHECK(verdict(0, test::word_of(0x40)) == impossible);
  if constexpr (word_bytes > 4) {  // else the bits below a word are those of the flags
    CHECK(verdict(0, (12_words + 4) | header::hole) == impossible);
  }
  CHECK(verdict(0, 12_words | 3) == later("the holes do not sum to the free bytes"));
  CHECK(verdict(1_words, 0) == impossible);  // the size
  CHECK(verdict(1_words, 4_words + 1) == impossible);
  CHECK(verdict(1_words, 33_words) == impossible);
  CHECK(verdict(1_words, 12_words) == later("holes overlap, touch or descend"));
  CHECK(verdict(1_words, 5_words) == later("the holes do not sum to the free bytes"));
  CHECK(verdict(12_words, header::hole) == impossible);  // back to the first hole
  CHECK(verdict(12_words, 32_words | header::hole) ==
        later("the holes do not sum to the free bytes"));           // one hole forgotten
  CHECK(verdict(28_words, 31_words | header::hole) == impossible);  // into itself
}

/// What first fit mixes with a size.
struct Mixed : FirstFitHoles {
  using FirstFitHoles::mixed;
};

TEST_CASE(
    "a hole that is forgotten is missing in the sum, even if all others are as they should be") {
  alignas(64) std::byte region[32_words];
  FirstFit raw(region);
  for (int i = 0; i < 8; ++i) (void)raw.allocate({.size = 4_words});
  (void)raw.deallocate(region + 12_words, 8_words);
  (void)raw.deallocate(region + 28_words, 4_words);
  smash(raw, 12_words, 32_words | header::hole);
  smash(raw, 13_words, 8_words ^ Mixed::mixed(32_words));
  CHECK(std::string_view{raw.validate()} == "the holes do not sum to the free bytes");
}

TEST_CASE("in a checked build a hole's size and link agree, and a block begins behind it") {
  if constexpr (!checks_enabled) return;
  const auto line_of = [](std::size_t size, std::size_t next, std::size_t mixed_next) {
    alignas(64) std::byte region[40_words];
    FirstFit raw(region);
    for (int i = 0; i < 10; ++i) (void)raw.allocate({.size = 4_words});
    for (const std::size_t hole : {4_words, 12_words, 20_words, 28_words}) {
      (void)raw.deallocate(region + hole, 4_words);
    }
    smash(raw, 4_words, next | header::hole);
    smash(raw, 5_words, size ^ Mixed::mixed(mixed_next));
    return test::fatal_line_of([&] { (void)raw.allocate({.size = 5_words}); });
  };
  const std::string line = "mneme: fatal: smashed hole at offset " + std::to_string(4_words) +
                           ": free memory was written";
  CHECK(line_of(4_words, 12_words, 12_words).empty());  // as it is
  CHECK(line_of(4_words, 20_words, 12_words) == line);  // another hole, but an older size
  CHECK(line_of(4_words, 12_words, 20_words) == line);
  CHECK(line_of(5_words, 12_words, 12_words) == line);  // the size of no block
  CHECK(line_of(8_words, 12_words, 12_words) == line);  // up to the next hole
  if constexpr (!is_hardened) CHECK(line_of(4_words, 20_words, 20_words).empty());
}

TEST_CASE("in a checked build a hole of one word is followed by a later one") {
  if constexpr (!checks_enabled) return;
  alignas(64) std::byte region[32_words];
  FirstFit raw(region);
  std::byte* const a = raw.allocate({.size = 4_words});
  for (int i = 0; i < 3; ++i) (void)raw.allocate({.size = 4_words});
  REQUIRE(raw.resize(a, 4_words, {.size = 3_words}));
  REQUIRE(raw.deallocate(region + 8_words, 4_words));
  CHECK(holes_of(raw) == Holes{{3_words, 1_words}, {8_words, 4_words}, {16_words, 16_words}});
  smash(raw, 3_words, header::hole | 2);
  CHECK(test::fatal_line_of([&] { (void)raw.largest_hole_bytes(); }) ==
        "mneme: fatal: smashed hole at offset " + std::to_string(3_words) +
            ": free memory was written");
}

TEST_CASE("in a checked build no walk follows a smashed hole") {
  if constexpr (!checks_enabled) return;
  alignas(64) std::byte region[32_words];
  FirstFit raw(region);
  std::byte* const a = raw.allocate({.size = 4_words});
  std::byte* const b = raw.allocate({.size = 4_words});
  REQUIRE(raw.deallocate(a, 4_words));
  smash(raw, 0, test::word_of(0x40));
  const std::string line = "mneme: fatal: smashed hole at offset 0: free memory was written";
  CHECK(test::fatal_line_of([&] { (void)raw.allocate({.size = 6_words}); }) == line);
  CHECK(test::fatal_line_of([&] { (void)raw.deallocate(b, 4_words); }) == line);
  CHECK(test::fatal_line_of([&] { (void)raw.resize(b, 4_words, {.size = 6_words}); }) == line);
  CHECK(test::fatal_line_of([&] { (void)raw.is_free(5_words); }) == (is_hardened ? "" : line));
  CHECK(test::fatal_line_of([&] { (void)raw.largest_hole_bytes(); }) == line);
  smash(raw, 0, 8_words | header::hole);
  CHECK(raw.validate() == nullptr);
}

TEST_CASE("hardened: what is beside a hole or a block must say the same") {
  if constexpr (!is_hardened) return;
  constexpr std::size_t good = 0x1240;
  alignas(64) std::byte region[256];
  FirstFit raw(region);
  for (int i = 0; i < 8; ++i) (void)raw.allocate({.size = 32}, good);
  REQUIRE(raw.deallocate(region + 64, 32));
  const std::string line = "mneme: fatal: smashed hole at offset 64: free memory was written";
  const auto line_of = [&](std::size_t offset, std::size_t value) {
    return test::fatal_line_of([&] {
      smash(raw, offset, value);
      (void)raw.allocate({.size = 64}, good);
    });
  };
  CHECK(line_of(96, good | header::hole_before).empty());  // as it is
  CHECK(line_of(96, good) == line);
  CHECK(line_of(96, (good + 64) | header::hole_before) == line);
  CHECK(line_of(88, 40) == line);  // the size at its end
  smash(raw, 160, good | header::hole_before);
  CHECK(raw.deallocate(region + 128, 32) == 0);  // no hole is before the block behind
  CHECK(raw.deallocate(region + 160, 32) == 0);  // nor before this one
  smash(raw, 160, good);
  CHECK(raw.deallocate(region + 128, 32) != 0);
}

constexpr BlockLayout odd_block{
    .size = 9_words, .align = 2 * word_bytes, .header_bytes = word_bytes};

TEST_CASE("no search meets the holes of one word that alignment left behind each block") {
  alignas(64) std::byte region[128_words];
  FirstFit raw(region);
  for (int i = 0; i < 6; ++i) CHECK(raw.allocate(odd_block) != nullptr);
  CHECK(holes_of(raw).size() == 7);
  smash(raw, 0, 0);  // the first of them is nonsense, which whoever meets it would tell
  CHECK(raw.allocate(odd_block) == region + 61_words);
  CHECK(raw.allocate({.size = 70_words}) == nullptr);
  CHECK(raw.deallocate(region + 61_words, 9_words));
  smash(raw, 0, 10_words | header::hole | 2);
  CHECK(raw.validate() == nullptr);
}

TEST_CASE("wherever a search begins, the lowest hole that fits is taken") {
  struct Block {
    std::byte* start;
    std::size_t size;
  };
  alignas(64) std::byte region[200_words];
  FirstFit raw(region);
  std::vector<Block> blocks;
  unsigned random = 1;
  const auto below = [&](std::size_t limit) {
    random = random * 1664525U + 1013904223U;
    return (random >> 8U) % limit;
  };
  for (int step = 0; step < 20'000; ++step) {
    const BlockLayout layout{.size = (2 + below(9)) * word_bytes,
                             .align = word_bytes << below(3),
                             .header_bytes = word_bytes};
    if (below(8) == 0 && !blocks.empty()) {
      Block& block = blocks[below(blocks.size())];
      const BlockLayout wanted{.size = (2 + below(9)) * word_bytes, .header_bytes = word_bytes};
      if (raw.resize(block.start, block.size, wanted)) block.size = wanted.size;
    } else if (below(2) == 0) {
      std::byte* lowest = nullptr;
      for (const auto& [offset, size] : holes_of(raw)) {
        const std::size_t padding = layout.padding_at(address_of(region + offset));
        if (lowest == nullptr && padding + layout.size <= size) lowest = region + offset + padding;
      }
      REQUIRE(raw.allocate(layout) == lowest);
      if (lowest != nullptr) blocks.push_back({lowest, layout.size});
    } else if (!blocks.empty()) {
      std::swap(blocks[below(blocks.size())], blocks.back());
      REQUIRE(raw.deallocate(blocks.back().start, blocks.back().size) != 0);
      blocks.pop_back();
    }
    const char* const wrong = raw.validate();
    REQUIRE_MESSAGE(wrong == nullptr, wrong);
  }
}

TEST_CASE("a hole that reaches the region's end is not believed to go on behind it") {
  alignas(64) std::byte memory[13_words]{};
  memory[12_words] = std::byte{word_bytes};  // behind the region stands what could be a hole's size
  FirstFit raw{std::span(memory).first(12_words)};
  CHECK(raw.allocate({.size = 11_words}) == memory);
  CHECK(holes_of(raw) == Holes{{11_words, 1_words}});
  smash(raw, 11_words,
        12_words | header::hole);  // the link without its flag: as if two words were there
  const char* const wrong = raw.validate();
  REQUIRE(wrong != nullptr);
  CHECK(std::string_view(wrong) == "a hole's size or link is impossible");
}

TEST_CASE("a last hole of one word grows with the region, and is searched again") {
  alignas(64) std::byte region[16_words];
  FirstFit raw{std::span(region).first(5_words)};
  std::byte* const a = raw.allocate({.size = 4_words});
  CHECK(holes_of(raw) == Holes{{4_words, 1_words}});
  CHECK(raw.allocate({.size = 2_words}) == nullptr);  // skips the hole from now on
  REQUIRE(raw.extend(3_words));
  CHECK(holes_of(raw) == Holes{{4_words, 4_words}});
  CHECK(raw.validate() == nullptr);
  std::byte* const b = raw.allocate({.size = 4_words});
  CHECK(b == region + 4_words);
  REQUIRE(raw.extend(1_words));  // behind a block
  CHECK(holes_of(raw) == Holes{{8_words, 1_words}});
  CHECK(raw.deallocate(a, 4_words));
  REQUIRE(raw.extend(7_words));  // behind two holes
  CHECK(holes_of(raw) == Holes{{0, 4_words}, {8_words, 8_words}});
  CHECK(raw.deallocate(b, 4_words));
  CHECK(holes_of(raw) == Holes{{0, 16_words}});
}

}  // namespace
