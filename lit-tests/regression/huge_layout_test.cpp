// RUN: %runner %build/tests/huge_layout_test
// purpose: shows that layouts near the maximum are errors in every call, neither aborts nor wraps.
// layer: tests; includes everything.
// threads: none.
// invariants: the heap is as new at the end.
#include <doctest/doctest.h>

#include <cstdint>

#include "support/tasks.hpp"

using namespace mneme;

namespace {

TEST_CASE("every size and alignment near its maximum is an error for everyone who asks") {
  alignas(64) std::byte region[1024];
  Heap heap(region);
  void* const block = heap.try_allocate({.size = 64, .align = 8});
  for (std::size_t below = 0; below < 40; ++below) {
    for (const std::size_t top : {SIZE_MAX, SIZE_MAX / 2 + 20, std::size_t{1} << 6 * word_bytes}) {
      for (std::size_t align = 1; align != 0; align <<= 3) {
        const Layout layout{.size = top - below, .align = align};
        bool refused = heap.allocate(layout).poll()->error() == AllocError::too_large;
        refused = refused && heap.try_allocate(layout) == nullptr;
        refused = refused && heap.try_lock().allocate(layout) == nullptr;
        refused = refused && heap.check_layout(layout).error() == AllocError::too_large;
        refused = refused && !heap.try_resize(block, {.size = 64, .align = 8}, layout);
        CAPTURE(layout.size);
        CAPTURE(align);
        REQUIRE(refused);
      }
    }
  }
  const Layout top_alignment{.size = 1, .align = SIZE_MAX / 2 + 1};
  CHECK(heap.allocate(top_alignment).poll()->error() == AllocError::too_large);
  CHECK(heap.allocate({.size = 1, .align = SIZE_MAX}).poll()->error() == AllocError::bad_alignment);
  CHECK(heap.allocate({.size = 1, .align = 0}).poll()->error() == AllocError::bad_alignment);
  heap.free(block, {.size = 64, .align = 8});
  CHECK(tests::whole(heap));
}

}  // namespace
