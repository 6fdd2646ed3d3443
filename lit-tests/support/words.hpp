// purpose: sizes in machine words, so that a test means the same on 64 and on 32 bits.
// layer: tests; includes layout.
// threads: none.
// invariants: none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mneme/layout.hpp>

namespace mneme::test {

/// The size of a number of words in bytes: `6_words` is 48 on 64 bits, and 24 on 32.
consteval std::size_t operator""_words(unsigned long long count) {
  return static_cast<std::size_t>(count) * word_bytes;
}

/// The layout of `size` bytes, a block of which takes one word more, wherever it begins.
[[nodiscard]] constexpr Layout by_words(std::size_t size) {
  return {.size = size, .align = word_bytes};
}

/// The word whose bytes are all `byte`.
[[nodiscard]] constexpr std::size_t word_of(unsigned char byte) { return SIZE_MAX / 0xff * byte; }

}  // namespace mneme::test
