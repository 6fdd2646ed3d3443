// RUN: %runner %build/tests/count_times_size_wraps_test
// purpose: shows that a count whose bytes overflow is an error, and the neighbour stays whole.
// layer: tests; includes everything.
// threads: none.
// invariants: the heap is as new at the end.
#include <doctest/doctest.h>

#include <cstdint>

#include "support/tasks.hpp"

using namespace mneme;

namespace {

constexpr std::size_t wrapping = SIZE_MAX / 8 + 2;  // times 8 is 8

TEST_CASE("a count of numbers that wraps to one is refused, whoever asks") {
  alignas(64) std::byte region[256];
  Heap heap(region);
  auto neighbour = heap.make_array<std::uint64_t>(4).poll();
  for (auto& word : **neighbour) word = 0x5555;
  CHECK(heap.make_array<std::uint64_t>(wrapping).poll()->error() == AllocError::too_large);
  CHECK(heap.make_fixed_vec<std::uint64_t>(wrapping).poll()->error() == AllocError::too_large);
  CHECK(Layout::array<std::uint64_t>(wrapping).error() == AllocError::too_large);
  CHECK(heap.stats().waiting == 0);
  for (const auto word : **neighbour) CHECK(word == 0x5555);
  neighbour.reset();
  CHECK(tests::whole(heap));
}

TEST_CASE("no count near an overflow gives more than it has room for") {
  alignas(64) std::byte region[256];
  Heap heap(region);
  struct Three {
    char bytes[3];
  };
  for (std::size_t i = 0; i < 8; ++i) {
    for (const std::size_t count : {SIZE_MAX - i, SIZE_MAX / 2 + i, SIZE_MAX / 3 + i}) {
      CHECK(heap.make_array<Three>(count).poll()->error() == AllocError::too_large);
      CHECK(heap.make_fixed_vec<char>(count).poll()->error() == AllocError::too_large);
    }
  }
  CHECK(tests::whole(heap));
}

TEST_CASE("a vector takes as many pushes as it has room for, and not one more") {
  alignas(64) std::byte region[256];
  Heap heap(region);
  {
    auto made = heap.make_fixed_vec<std::uint64_t>(3).poll();
    auto neighbour = heap.make_array<std::uint64_t>(2).poll();
    auto& vec = **made;
    for (std::uint64_t i = 0; i < 3; ++i) CHECK(vec.push(i) != nullptr);
    CHECK(vec.full());
    CHECK(vec.push(9U) == nullptr);
    for (const auto word : **neighbour) CHECK(word == 0);
  }
  CHECK(tests::whole(heap));
}

}  // namespace
