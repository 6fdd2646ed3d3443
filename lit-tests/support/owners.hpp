// purpose: shared by the tests of arrays and vectors.
// layer: tests; includes mneme and the tests' support.
// threads: none.
// invariants: none.
#pragma once

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "tasks.hpp"
#include "words.hpp"

namespace tests {

/// Checks that an owner without elements frees as many bytes as were allocated for it, whatever the
/// size and alignment of an element. `make.operator()<T>(heap)` requests one.
template <class Make>
void check_owners_of_nothing(Make make) {
  using mneme::test::operator""_words;
  struct Large {
    std::array<std::uint64_t, 5> words{};
  };
  struct alignas(64) Aligned {
    std::byte first{};
  };
  TestHeap heap(1024);
  for (const bool moves : {false, true}) {
    auto large = granted(make.template operator()<Large>(heap));
    auto aligned = granted(make.template operator()<Aligned>(heap));
    CHECK(static_cast<bool>(large.data() != nullptr));
    CHECK(heap.stats().used_bytes == 4_words);
    if (!moves) continue;
    const auto other = std::move(large);
    aligned.reset();
    CHECK(heap.stats().used_bytes == 2_words);
  }
  CHECK(heap.stats().used_bytes == 0);
}

}  // namespace tests
