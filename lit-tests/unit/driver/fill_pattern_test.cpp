// purpose: shows that the fill pattern reveals every overwritten byte of a block.
// layer: tests; includes the driver's fill_pattern.
// threads: none.
// invariants: none.
// RUN: %runner %build/tests/fill_pattern_test
#include "driver/execute/fill_pattern.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

using mneme::driver::fill_pattern;
using mneme::driver::find_damage;
using mneme::driver::pattern_word;

TEST_CASE("each byte of a block of any size is checked, the last ones as well") {
  for (std::size_t size = 0; size <= 40; ++size) {
    std::array<std::byte, 48> bytes{};
    const std::span block = std::span(bytes).first(size);
    fill_pattern(block, 7);
    CHECK(!find_damage(block, 7));
    for (std::size_t at = 0; at < size; ++at) {
      block[at] ^= std::byte{1};
      CHECK(find_damage(block, 7) == at);
      block[at] ^= std::byte{1};
    }
    for (std::size_t at = size; at < bytes.size(); ++at) CHECK(bytes[at] == std::byte{0});
  }
}

TEST_CASE("the first of several wrong bytes is reported") {
  std::array<std::byte, 21> bytes{};
  fill_pattern(bytes, 1);
  bytes[20] ^= std::byte{1};
  CHECK(find_damage(bytes, 1) == 20);
  bytes[9] ^= std::byte{0x80};
  CHECK(find_damage(bytes, 1) == 9);
}

TEST_CASE("only the part after the kept bytes is filled") {
  std::array<std::byte, 30> bytes{};
  fill_pattern(bytes, 3, 16);
  for (std::size_t at = 0; at < 16; ++at) CHECK(bytes[at] == std::byte{0});
  fill_pattern(std::span(bytes).first(16), 3);
  CHECK(!find_damage(bytes, 3));
}

TEST_CASE("two blocks differ in every word, and so do two words of a block") {
  for (std::uint64_t serial = 1; serial < 50; ++serial) {
    for (std::size_t index = 0; index < 50; ++index) {
      CHECK(pattern_word(serial, index) != pattern_word(serial + 1, index));
      CHECK(pattern_word(serial, index) != pattern_word(serial, index + 1));
    }
  }
}
