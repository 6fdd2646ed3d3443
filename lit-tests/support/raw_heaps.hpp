// purpose: shared by the tests of raw heaps: the list of holes, and layouts of whole words.
// layer: tests; includes layout.
// threads: none.
// invariants: none.
#pragma once

#include <cstddef>
#include <mneme/layout.hpp>
#include <utility>
#include <vector>

namespace mneme::test {

/// (offset, size) of each hole.
using Holes = std::vector<std::pair<std::size_t, std::size_t>>;

template <class Raw>
[[nodiscard]] Holes holes_of(const Raw& raw) {
  Holes holes;
  raw.for_each_hole(
      [&](std::size_t offset, std::size_t size) { holes.emplace_back(offset, size); });
  return holes;
}

/// The layout of a block of `count` words, header included.
[[nodiscard]] constexpr BlockLayout of_words(std::size_t count, std::size_t align = word_bytes) {
  return {.size = count * word_bytes, .align = align, .header_bytes = word_bytes};
}

}  // namespace mneme::test
