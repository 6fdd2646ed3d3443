// purpose: shows that such memory is zero, whatever was there, and comes as any other.
// layer: tests; includes mneme and the tests' support.
// threads: none.
// invariants: each heap is whole at the end of its test.
// RUN: %runner %build/tests/allocate_zeroed_test
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <mneme/waiting/allocate_zeroed.hpp>
#include <mneme/waiting/make_all.hpp>

#include "support/names.hpp"

using namespace tests::names;

namespace {

bool is_zero(const mneme::Allocation<>& block) {
  return std::ranges::all_of(block.bytes(), [](std::byte each) { return each == std::byte{0}; });
}

}  // namespace

TEST_CASE("every byte is zero, where others were before") {
  TestHeap heap(64_words);
  {
    auto block = granted(heap.allocate(bytes(40_words)));
    std::memset(block.data(), 0xFF, 40_words);
  }
  const auto block = granted(heap.allocate_zeroed({.size = 100, .align = 32}));
  CHECK(is_zero(block));
  CHECK(block.layout() == mneme::Layout{.size = 100, .align = 32});
  CHECK(granted(heap.allocate_zeroed(bytes(0))).bytes().empty());
}

TEST_CASE("it waits, fails, and is part of a group, as any request") {
  TestHeap heap(32_words);
  auto hog = granted(heap.allocate(bytes(25_words)));
  std::memset(hog.data(), 0xFF, 25_words);
  auto waits = heap.allocate_zeroed(bytes(9_words));
  CHECK(!waits.poll());
  hog.reset();
  CHECK(is_zero(granted(waits)));
  CHECK(failed(heap.allocate_zeroed(bytes(32_words))) == AllocError::too_large);
  CHECK(failed(heap.allocate_zeroed({8, 3})) == AllocError::bad_alignment);
  const auto [zeroed, number] =
      granted(heap.make_all(heap.allocate_zeroed(bytes(9_words)), heap.make<int>(3)));
  CHECK(is_zero(zeroed));
}
