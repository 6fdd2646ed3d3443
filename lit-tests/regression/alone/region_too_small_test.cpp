// RUN: %runner %build/tests/region_too_small_test
// purpose: shows that no region is too small to be told so, by trying all sizes and skews.
// layer: tests; includes everything.
// threads: none.
// invariants: the heap is as new at the end.
#include <doctest/doctest.h>

#include <new>
#include <span>

#include "support/tasks.hpp"
#include "support/words.hpp"

using namespace mneme;
using mneme::test::operator""_words;

namespace {

/// Exactly as many bytes as it says, so that ASan sees one too many.
struct Memory {
  explicit Memory(std::size_t size)
      : bytes(static_cast<std::byte*>(::operator new(size, std::align_val_t{64}))) {}
  ~Memory() { ::operator delete(bytes, std::align_val_t{64}); }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  std::byte* const bytes;
};

TEST_CASE(
    "bootstrap: an error for every region without room for the heap and a block, never a crash") {
  const std::size_t enough = sizeof(Heap) + 2 * word_bytes;
  for (std::size_t skew = 0; skew < alignof(Heap); ++skew) {
    for (std::size_t size = 0; size < enough + 2 * alignof(Heap); ++size) {
      const Memory memory(skew + size);
      const auto heap = Heap::bootstrap({memory.bytes + skew, size});
      const std::size_t lost = (alignof(Heap) - skew) % alignof(Heap);
      const bool fits = size >= lost + enough;
      if (heap.has_value() != fits) {
        CAPTURE(skew);
        CAPTURE(size);
        FAIL("has a heap, or has none");
      }
      if (!heap) {
        if (heap.error() != AllocError::region_too_small) FAIL("another error");
        continue;
      }
      REQUIRE((*heap)->allocate(test::by_words(1_words)).poll()->has_value());
      (*heap)->~BasicHeap();
    }
  }
}

TEST_CASE("beside a tiny region: every request is refused, nothing is touched, nothing leaks") {
  for (std::size_t size = 0; size < 3_words; ++size) {
    const Memory memory(size);
    Heap heap({memory.bytes, size});
    const bool fits = size >= 2_words;
    CHECK(heap.capacity_bytes() == (fits ? 2_words : 0));
    const auto answer = heap.allocate({.size = 0, .align = 1}).poll();
    REQUIRE(answer.has_value());
    CHECK(answer->has_value() == fits);
    if (!fits) CHECK(answer->error() == AllocError::too_large);
    CHECK(heap.allocate({.size = 1_words + 1, .align = 1}).poll()->error() ==
          AllocError::too_large);
    CHECK(heap.validate() == nullptr);
    CHECK(heap.poll() == 0);
  }
}

TEST_CASE("no region at all") {
  CHECK(Heap::bootstrap({}).error() == AllocError::region_too_small);
  Heap heap{std::span<std::byte>{}};
  CHECK(heap.try_allocate({.size = 0, .align = 1}) == nullptr);
  CHECK(heap.allocate({.size = 0, .align = 1}).poll()->error() == AllocError::too_large);
  CHECK(tests::whole(heap));
}

}  // namespace
