// REQUIRES: msan
// RUN: %wrong 'a new block is read' | FileCheck %s
// RUN: %wrong 'a granted block is read' | FileCheck %s
// RUN: %wrong 'what a freed block held decides' | FileCheck %s
// RUN: %wrong 'what a block gained is read' | FileCheck %s
// RUN: %build/tests/msan_sees_inside_the_region_test -tc='right use*'
// CHECK: In a StaticRegion:
// CHECK: WARNING: MemorySanitizer: use-of-uninitialized-value
// CHECK: In a HeapRegion:
// CHECK: WARNING: MemorySanitizer: use-of-uninitialized-value
// purpose: shows that MSan knows what in a region holds nothing, by one wrong read a case.
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

constexpr Layout layout{.size = 40, .align = 8};

/// A decision by a byte: MSan lets undefined bytes be copied, and speaks when they matter.
[[gnu::noinline]] void decide_by(const std::byte* place) {
  if (*static_cast<const volatile std::byte*>(place) == std::byte{7}) std::abort();
}

template <class Region>
struct UninitialisedWorld {
  [[nodiscard]] std::byte* ask() { return static_cast<std::byte*>(heap.try_allocate(layout)); }

  Region region;
  Heap heap{region.bytes()};
};

TEST_CASE_TEMPLATE("a new block is read", Region, BOTH_REGIONS) {
  UninitialisedWorld<Region> here;
  std::memset(here.region.bytes().data() + 512, 0, 512);  // what it held before is not its own
  decide_by(here.ask() + 16);
}

TEST_CASE_TEMPLATE("a granted block is read", Region, BOTH_REGIONS) {
  UninitialisedWorld<Region> here;
  void* const all = here.heap.try_allocate({.size = 1016, .align = 8});
  std::memset(all, 1, 1016);
  auto request = here.heap.allocate(layout);
  REQUIRE_FALSE(request.poll().has_value());
  here.heap.free(all, {.size = 1016, .align = 8});
  decide_by(static_cast<std::byte*>((**request.poll()).data()) + 16);
}

TEST_CASE_TEMPLATE("what a freed block held decides", Region, BOTH_REGIONS) {
  UninitialisedWorld<Region> here;
  std::byte* const block = here.ask();
  std::memset(block, 1, layout.size);
  here.heap.free(block, layout);
  decide_by(block + 16);
}

TEST_CASE_TEMPLATE("what a block gained is read", Region, BOTH_REGIONS) {
  UninitialisedWorld<Region> here;
  std::byte* const block = here.ask();
  std::memset(block, 1, layout.size);
  REQUIRE(here.heap.try_resize(block, layout, {.size = 80, .align = 8}));
  decide_by(block + 39);
  decide_by(block + 79);
}

TEST_CASE_TEMPLATE("right use", Region, BOTH_REGIONS) {
  UninitialisedWorld<Region> here;
  std::byte* const block = here.ask();
  std::memset(block, 1, layout.size);
  CHECK(here.heap.try_resize(block, layout, {.size = 80, .align = 8}));
  decide_by(block + 39);
  std::memset(block + 40, 2, 40);
  decide_by(block + 79);
  here.heap.defer_free(block, {.size = 80, .align = 8});
  here.heap.poll();
  CHECK(here.heap.validate() == nullptr);
}

}  // namespace
