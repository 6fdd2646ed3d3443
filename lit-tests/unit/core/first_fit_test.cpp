// RUN: %runner %build/tests/first_fit_test
// purpose: shows what is first-fit's own: where blocks go, holes of one word, its checks.
// layer: tests; includes first_fit.
// threads: none.
// invariants: the promises that all raw heaps share are in raw_heap_test.
#include <doctest/doctest.h>

#include <mneme/raw/first_fit.hpp>
#include <span>
#include <string_view>
#include <vector>

#include "support/fatal_line.hpp"

using namespace mneme;

namespace {

using Holes = std::vector<std::pair<std::size_t, std::size_t>>;

Holes holes_of(const FirstFit& raw) {
  Holes holes;
  raw.for_each_hole(
      [&](std::size_t offset, std::size_t size) { holes.emplace_back(offset, size); });
  return holes;
}

/// Writes a word into free memory, as a dangling pointer would, behind the back of all tools.
void smash(FirstFit& raw, std::size_t offset, std::size_t value) {
  const instrument::ScopedUnpoison window(raw.base() + offset, word_bytes);
  __builtin_memcpy(raw.base() + offset, &value, word_bytes);
}

TEST_CASE("the lowest hole that fits is taken, and blocks lie side by side") {
  alignas(64) std::byte region[256];
  FirstFit raw(region);
  std::byte* const a = raw.allocate({.size = 32});
  std::byte* const b = raw.allocate({.size = 16});
  std::byte* const c = raw.allocate({.size = 48});
  CHECK(a == region);
  CHECK(b == region + 32);
  CHECK(c == region + 48);
  CHECK(raw.deallocate(a, 32));
  CHECK(raw.deallocate(c, 48));
  CHECK(holes_of(raw) == Holes{{0, 32}, {48, 208}});
  CHECK(raw.allocate({.size = 40}) == region + 48);  // the first hole is too short
  CHECK(raw.allocate({.size = 24}) == region);
  CHECK(raw.allocate({.size = 16}) == region + 88);  // the first hole has one word left
  CHECK(holes_of(raw) == Holes{{24, 8}, {104, 152}});
}

TEST_CASE("holes of a single word come, are skipped, and go again") {
  alignas(64) std::byte region[96];
  FirstFit raw(region);
  std::byte* const a = raw.allocate({.size = 24});
  std::byte* const b = raw.allocate({.size = 24});
  std::byte* const c = raw.allocate({.size = 48});
  CHECK(holes_of(raw).empty());
  CHECK(raw.resize(a, 24, 16));
  CHECK(raw.resize(b, 24, 16));
  CHECK(holes_of(raw) == Holes{{16, 8}, {40, 8}});
  CHECK(raw.allocate({.size = 16}) == nullptr);
  CHECK(raw.resize(a, 16, 24));  // eats a hole of one word
  CHECK_FALSE(raw.resize(a, 24, 32));
  CHECK(raw.deallocate(c, 48));  // joins the hole of one word in front of it
  CHECK(holes_of(raw) == Holes{{40, 56}});
  CHECK(raw.deallocate(b, 16));
  CHECK(raw.deallocate(a, 24));
  CHECK(holes_of(raw) == Holes{{0, 96}});
}

TEST_CASE("alignment leaves its padding as a hole, also one of a single word, and gets it back") {
  alignas(64) std::byte region[256];
  FirstFit raw(region);
  // Payloads behind a header of one word: the header stands right before the aligned place.
  std::byte* const a = raw.allocate({.size = 24, .align = 16, .header_bytes = 8});
  CHECK(a == region + 8);
  CHECK(holes_of(raw) == Holes{{0, 8}, {32, 224}});
  std::byte* const b = raw.allocate({.size = 16, .align = 64, .header_bytes = 8});
  CHECK(b == region + 56);
  CHECK(holes_of(raw) == Holes{{0, 8}, {32, 24}, {72, 184}});
  CHECK(raw.deallocate(a, 24));
  CHECK(holes_of(raw) == Holes{{0, 56}, {72, 184}});
  CHECK(raw.deallocate(b, 16));
  CHECK(holes_of(raw) == Holes{{0, 256}});
}

TEST_CASE("a block grows into the hole behind it, up to its last word, and gives it back") {
  alignas(64) std::byte region[128];
  FirstFit raw(region);
  std::byte* const a = raw.allocate({.size = 32});
  std::byte* const b = raw.allocate({.size = 16});
  CHECK_FALSE(raw.resize(a, 32, 40));  // b is in the way
  CHECK(raw.resize(b, 16, 96));
  CHECK(raw.free_bytes() == 0);
  CHECK_FALSE(raw.resize(b, 96, 104));  // the region ends
  CHECK(raw.resize(b, 96, 96));
  CHECK(raw.resize(b, 96, 24));
  CHECK(holes_of(raw) == Holes{{56, 72}});
}

TEST_CASE("what reaches beyond the region's end is not taken back") {
  alignas(64) std::byte region[256];
  FirstFit raw(region);
  for (int i = 0; i < 8; ++i) REQUIRE(raw.allocate({.size = 32}) != nullptr);
  CHECK(!raw.deallocate(region + 224, 64));
  CHECK(!raw.deallocate(region + 256, 32));
  CHECK(raw.validate() == nullptr);
  CHECK(raw.deallocate(region + 224, 32));
}

TEST_CASE("validate names what is wrong with a smashed hole") {
  const auto verdict = [](std::size_t offset, std::size_t value) {
    alignas(64) std::byte region[256];
    FirstFit raw(region);
    for (int i = 0; i < 8; ++i) (void)raw.allocate({.size = 32});
    (void)raw.deallocate(region, 32);        // holes at 0,
    (void)raw.deallocate(region + 96, 64);   // at 96
    (void)raw.deallocate(region + 224, 32);  // and at 224
    CHECK(raw.validate() == nullptr);
    smash(raw, offset, value);
    const char* const wrong = raw.validate();
    return std::string(wrong == nullptr ? "nothing" : wrong);
  };
  const std::string impossible = "a hole's size or link is impossible";
  // What is beside the hole shows it at once to a hardened build.
  const auto later = [&](const char* wrong) { return is_hardened ? impossible : wrong; };
  CHECK(verdict(0, 96 | header::hole) == "nothing");  // what stands there anyway
  CHECK(verdict(0, 0x4141414141414140) == impossible);
  CHECK(verdict(0, 100 | header::hole) == impossible);  // no word
  CHECK(verdict(0, 96 | 3) == later("the holes do not sum to the free bytes"));
  CHECK(verdict(8, 0) == impossible);  // the size
  CHECK(verdict(8, 33) == impossible);
  CHECK(verdict(8, 264) == impossible);
  CHECK(verdict(8, 96) == later("holes overlap, touch or descend"));
  CHECK(verdict(8, 40) == later("the holes do not sum to the free bytes"));
  CHECK(verdict(96, header::hole) == impossible);  // back to the first hole
  CHECK(verdict(96, 256 | header::hole) ==
        later("the holes do not sum to the free bytes"));  // one hole forgotten
  CHECK(verdict(224, 248 | header::hole) == impossible);   // into itself
}

TEST_CASE("in a checked build no walk follows a smashed hole") {
  if constexpr (!checks_enabled) return;
  alignas(64) std::byte region[256];
  FirstFit raw(region);
  std::byte* const a = raw.allocate({.size = 32});
  std::byte* const b = raw.allocate({.size = 32});
  REQUIRE(raw.deallocate(a, 32));
  smash(raw, 0, 0x4141414141414140);
  const std::string line = "mneme: fatal: smashed hole at offset 0: free memory was written";
  CHECK(test::fatal_line_of([&] { (void)raw.allocate({.size = 48}); }) == line);
  CHECK(test::fatal_line_of([&] { (void)raw.deallocate(b, 32); }) == line);
  CHECK(test::fatal_line_of([&] { (void)raw.resize(b, 32, 48); }) == line);
  CHECK(test::fatal_line_of([&] { (void)raw.is_free(40); }) == (is_hardened ? "" : line));
  CHECK(test::fatal_line_of([&] { (void)raw.largest_hole_bytes(); }) == line);
  smash(raw, 0, 64 | header::hole);
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

TEST_CASE("a hole that reaches the region's end is not believed to go on behind it") {
  alignas(64) std::byte memory[104]{};
  memory[96] = std::byte{word_bytes};  // behind the region stands what could be a hole's size
  FirstFit raw{std::span(memory).first(96)};
  CHECK(raw.allocate({.size = 88}) == memory);
  CHECK(holes_of(raw) == Holes{{88, 8}});
  smash(raw, 88, 96 | header::hole);  // the link without its flag: as if two words were there
  const char* const wrong = raw.validate();
  REQUIRE(wrong != nullptr);
  CHECK(std::string_view(wrong) == "a hole's size or link is impossible");
}

}  // namespace
