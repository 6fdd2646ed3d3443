// REQUIRES: valgrind
// RUN: %wrong 'use after free' | FileCheck %s --check-prefix=FREED
// RUN: %wrong 'use after defer' | FileCheck %s --check-prefix=FREED
// RUN: %wrong 'overflow by a byte' | FileCheck %s --check-prefix=OVER
// RUN: %wrong 'overflow of what has grown' | FileCheck %s --check-prefix=GROWN
// RUN: %wrong 'underflow into the header' | FileCheck %s --check-prefix=UNDER
// RUN: %wrong 'read before write' | FileCheck %s --check-prefix=UNSET
// RUN: %wrong 'read before write in a reused block' | FileCheck %s --check-prefix=UNSET
// RUN: %wrong 'read before write behind a growth' | FileCheck %s --check-prefix=UNSET
// RUN: %wrong 'a block forgotten' | FileCheck %s --check-prefix=LEAK
// RUN: %runner %build/tests/valgrind_sees_inside_the_region_test -tc='right use*'
// FREED: In a StaticRegion:
// FREED: Invalid read of size 1
// FREED: is 16 bytes inside a block of size 40 free'd
// FREED: Block was alloc'd at
// FREED: In a HeapRegion:
// FREED: Invalid read of size 1
// OVER: In a StaticRegion:
// OVER: Invalid write of size 1
// OVER: is 0 bytes after a block of size 41 alloc'd
// OVER: In a HeapRegion:
// OVER: Invalid write of size 1
// GROWN: In a StaticRegion:
// GROWN: Invalid write of size 1
// GROWN: is 0 bytes after a block of size 57 alloc'd
// GROWN: In a HeapRegion:
// GROWN: Invalid write of size 1
// UNDER: In a StaticRegion:
// UNDER: Invalid write of size 1
// UNDER: is 7 bytes after a block of size 40 alloc'd
// UNDER: In a HeapRegion:
// UNDER: Invalid write of size 1
// UNSET: In a StaticRegion:
// UNSET: Conditional jump or move depends on uninitialised value(s)
// UNSET: In a HeapRegion:
// UNSET: Conditional jump or move depends on uninitialised value(s)
// LEAK: In a StaticRegion:
// LEAK: 40 bytes in 1 blocks are definitely lost
// LEAK: In a HeapRegion:
// LEAK: 40 bytes in 1 blocks are definitely lost
// purpose: shows that Valgrind sees inside a region, by one wrong access a case, each run alone.
// layer: tests; includes everything.
// threads: none.
// invariants: the right use, beside every wrong one, goes unnoticed.
#include <doctest/doctest.h>

#include <cstring>
#include <mneme/mneme.hpp>

#include "support/regions.hpp"

using namespace mneme;

#define BOTH_REGIONS test::StaticRegion, test::HeapRegion

namespace {

/// A heap with two blocks of 40 bytes side by side; it has to be given both back.
template <class Region>
struct ValgrindWorld {
  static constexpr Layout layout{.size = 40, .align = 8};

  ValgrindWorld() = default;
  ValgrindWorld(const ValgrindWorld&) = delete;
  ValgrindWorld& operator=(const ValgrindWorld&) = delete;
  ~ValgrindWorld() {
    if (a != nullptr) heap.free(a, layout);
    heap.free(b, layout);
  }

  Region region;
  Heap heap{region.bytes()};
  std::byte* a = static_cast<std::byte*>(heap.try_allocate(layout));
  std::byte* const b = static_cast<std::byte*>(heap.try_allocate(layout));
};

/// Jumps by the byte's value, which is what Valgrind watches.
[[gnu::noinline]] void look_at(const std::byte* place) {
  if (*static_cast<const volatile std::byte*>(place) == std::byte{7}) asm volatile("nop");
}

TEST_CASE_TEMPLATE("use after free", Region, BOTH_REGIONS) {
  ValgrindWorld<Region> here;
  here.heap.free(here.a, here.layout);
  test::read(here.a + 16);
  here.a = nullptr;
}

TEST_CASE_TEMPLATE("use after defer", Region, BOTH_REGIONS) {
  ValgrindWorld<Region> here;
  here.heap.defer_free(here.a, here.layout);
  test::read(here.a + 16);
  here.a = nullptr;
}

TEST_CASE_TEMPLATE("overflow by a byte", Region, BOTH_REGIONS) {
  ValgrindWorld<Region> here;
  const Layout odd_layout{.size = 41, .align = 8};
  auto* const odd = static_cast<std::byte*>(here.heap.try_allocate(odd_layout));
  test::write(odd + 41);  // still inside of the block, which is rounded up
  here.heap.free(odd, odd_layout);
}

TEST_CASE_TEMPLATE("overflow of what has grown", Region, BOTH_REGIONS) {
  ValgrindWorld<Region> here;
  const Layout odd_layout{.size = 57, .align = 8};
  auto* const odd = static_cast<std::byte*>(here.heap.try_allocate(here.layout));
  REQUIRE(here.heap.try_resize(odd, here.layout, odd_layout));
  test::write(odd + 57);  // still inside of the block, which is rounded up
  here.heap.free(odd, odd_layout);
}

TEST_CASE_TEMPLATE("underflow into the header", Region, BOTH_REGIONS) {
  ValgrindWorld<Region> here;
  const std::byte header = [&] {
    const instrument::ScopedUnpoison window(here.b - 1, 1);
    return here.b[-1];
  }();
  test::write(here.b - 1);
  const instrument::ScopedUnpoison window(here.b - word_bytes, word_bytes);
  here.b[-1] = header;  // so that the heap ends in peace
}

TEST_CASE_TEMPLATE("read before write", Region, BOTH_REGIONS) {
  ValgrindWorld<Region> here;
  look_at(here.a + 39);
}

TEST_CASE_TEMPLATE("read before write in a reused block", Region, BOTH_REGIONS) {
  ValgrindWorld<Region> here;
  std::memset(here.a, 7, here.layout.size);
  here.heap.free(here.a, here.layout);
  here.a = static_cast<std::byte*>(here.heap.try_allocate(here.layout));
  look_at(here.a + 39);
}

TEST_CASE_TEMPLATE("read before write behind a growth", Region, BOTH_REGIONS) {
  ValgrindWorld<Region> here;
  std::memset(here.b, 7, here.layout.size);
  REQUIRE(here.heap.try_resize(here.b, here.layout, {.size = 80, .align = 8}));
  look_at(here.b + 39);  // still as it was
  look_at(here.b + 40);
  REQUIRE(here.heap.try_resize(here.b, {.size = 80, .align = 8}, here.layout));
}

TEST_CASE_TEMPLATE("a block forgotten", Region, BOTH_REGIONS) {
  static Region region;  // still there when Valgrind looks
  static Heap* const heap = new Heap(region.bytes());
  REQUIRE(heap->try_allocate(ValgrindWorld<Region>::layout) != nullptr);
}

TEST_CASE_TEMPLATE("right use", Region, BOTH_REGIONS) {
  ValgrindWorld<Region> here;
  std::memset(here.a, 1, here.layout.size);
  std::memset(here.b, 2, here.layout.size);
  look_at(here.a + 39);
  REQUIRE(here.heap.try_resize(here.b, here.layout, {.size = 80, .align = 8}));
  std::memset(here.b + 40, 3, 40);
  look_at(here.b + 39);
  look_at(here.b + 79);
  REQUIRE(here.heap.try_resize(here.b, {.size = 80, .align = 8}, here.layout));
  look_at(here.b + 39);
}

}  // namespace
