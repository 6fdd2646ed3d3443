// purpose: shows that a control block inside the region fits or is refused, at every size and skew.
// layer: tests; includes mneme and the tests' support.
// threads: one.
// invariants: bytes outside the region are never written.
// RUN: %runner %build/tests/bootstrap_test
// UNSUPPORTED: tysan
// TypeSanitizer takes variables that share bytes of a coroutine's frame for one object.
#include <algorithm>
#include <cstddef>
#include <cstring>
#include <optional>
#include <span>

#include "support/names.hpp"

using namespace tests::names;
using tests::Region;

namespace {

constexpr std::size_t sizes_max = sizeof(Heap) + 200;
constexpr std::size_t margin = 64;

/// The least that a region must have, if it begins `skew` bytes behind a page: the way to the next
/// place for a heap, the heap, and the smallest block.
constexpr std::size_t needed(std::size_t skew) {
  const std::size_t way = (alignof(Heap) - skew % alignof(Heap)) % alignof(Heap);
  return way + sizeof(Heap) + 2 * word_bytes;
}

/// Tries one region in the middle of bytes that must stay as they are.
void try_region(std::size_t size, std::size_t skew) {
  const Region around(margin + size + margin, skew);
  std::ranges::fill(around.bytes(), std::byte{0xa5});
  const auto region = around.bytes().subspan(margin, size);
  auto booted = Heap::bootstrap(region);
  const bool fits = size >= needed((margin + skew) % 4096);
  REQUIRE(booted.has_value() == fits);
  if (fits) {
    Heap& heap = **booted;
    REQUIRE(mneme::address_of(&heap) % alignof(Heap) == 0);
    REQUIRE(whole(heap));
    const std::size_t left = size - needed((margin + skew) % 4096) + 2 * word_bytes;
    REQUIRE(heap.capacity_bytes() == left / word_bytes * word_bytes);
    {
      // The whole capacity, written from end to end.
      const auto block = granted(heap.allocate(bytes(heap.capacity_bytes() - word_bytes)));
      std::memset(block.data(), 0x5a, block.layout().size);
      REQUIRE(failed(heap.allocate(bytes(heap.capacity_bytes()))) == AllocError::too_large);
    }
    REQUIRE(whole(heap));
    heap.~BasicHeap();
  } else {
    REQUIRE(booted.error() == AllocError::region_too_small);
  }
  const auto untouched = [](std::byte byte) { return byte == std::byte{0xa5}; };
  REQUIRE(std::ranges::all_of(around.bytes().first(margin), untouched));
  REQUIRE(std::ranges::all_of(around.bytes().last(margin), untouched));
}

}  // namespace

TEST_CASE("every size that holds a heap and a block is taken, and every smaller one is refused") {
  for (std::size_t size = 0; size <= std::max<std::size_t>(512, sizes_max); ++size) {
    try_region(size, 0);
  }
}

TEST_CASE("a region may begin anywhere") {
  for (std::size_t skew = 0; skew < 64; ++skew) {
    const std::size_t least = needed(margin + skew);
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, least - 1, least, least + 1,
                                   least + word_bytes - 1, least + word_bytes, least + 100}) {
      try_region(size, skew);
    }
  }
}

TEST_CASE("a region of nothing is too small") {
  CHECK(Heap::bootstrap({}).error() == AllocError::region_too_small);
}

TEST_CASE("a heap set up in its region does all that others do") {
  const Region region(sizeof(Heap) + 1024, 8);
  Heap& heap = *Heap::bootstrap(region.bytes()).value();
  {
    auto hog = granted(heap.allocate(bytes(heap.capacity_bytes() - word_bytes)));
    auto work = [](Heap& home) -> tests::Task {
      const auto arc = co_await home.make_arc<int>(1);
      const auto vec = co_await home.make_fixed_vec<int>(10);
      CHECK(vec.has_value());
    };
    const tests::Task task = work(heap);
    CHECK(!task.done());
    CHECK(sound(heap));
    hog.reset();
    CHECK(examples::run(heap, task));
  }
  CHECK(whole(heap));
  heap.~BasicHeap();
}
