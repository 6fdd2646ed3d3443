// REQUIRES: asan || unchecked
// RUN: %wrong 'use after free' | FileCheck %s --check-prefix=READ
// RUN: %wrong 'use after defer' | FileCheck %s --check-prefix=READ
// RUN: %wrong 'use of the link after defer' | FileCheck %s --check-prefix=READ
// RUN: %wrong 'use after close of a box' | FileCheck %s --check-prefix=READ
// RUN: %wrong 'use after shrink' | FileCheck %s --check-prefix=WRITE
// RUN: %wrong 'use of memory never given' | FileCheck %s --check-prefix=WRITE
// RUN: %wrong 'overflow by a byte' | FileCheck %s --check-prefix=WRITE
// RUN: %wrong 'overflow by a byte of what was waited for' | FileCheck %s --check-prefix=WRITE
// RUN: %wrong 'overflow of what has grown' | FileCheck %s --check-prefix=WRITE
// RUN: %wrong 'overflow by a byte of what has grown' | FileCheck %s --check-prefix=WRITE
// RUN: %wrong 'overflow into the neighbour' | FileCheck %s --check-prefix=WRITE
// RUN: %wrong 'underflow into the header' | FileCheck %s --check-prefix=WRITE
// RUN: %wrong 'use before the grant' | FileCheck %s --check-prefix=READ
// RUN: %wrong 'use after free of a block with a new owner' | FileCheck %s --check-prefix=READ
// RUN: %if quarantine %{ %wrong 'the same in any heap' | FileCheck %s --check-prefix=READ %}
// RUN: %wrong 'stride over the neighbour' | FileCheck %s --check-prefix=WRITE
// RUN: %wrong 'what only a freed block knows' | FileCheck %s --check-prefix=LEAK
// RUN: %build/tests/asan_sees_inside_the_region_test -tc='right use*'
// READ: In a StaticRegion:
// READ: ERROR: AddressSanitizer: use-after-poison
// READ-NEXT: READ of size 1
// READ: In a HeapRegion:
// READ: ERROR: AddressSanitizer: use-after-poison
// READ-NEXT: READ of size 1
// WRITE: In a StaticRegion:
// WRITE: ERROR: AddressSanitizer: use-after-poison
// WRITE-NEXT: WRITE of size 1
// WRITE: In a HeapRegion:
// WRITE: ERROR: AddressSanitizer: use-after-poison
// WRITE-NEXT: WRITE of size 1
// LEAK: In a StaticRegion:
// LEAK: LeakSanitizer: detected memory leaks
// LEAK: Direct leak of 24 byte(s) in 1 object(s)
// LEAK: In a HeapRegion:
// LEAK: LeakSanitizer: detected memory leaks
// LEAK: Direct leak of 24 byte(s) in 1 object(s)
// purpose: shows that ASan sees inside a region, by one wrong access a case, each run alone.
// layer: tests; includes everything.
// threads: none.
// invariants: the right use, beside every wrong one, goes unnoticed.
#include <doctest/doctest.h>

#include <cstring>
#include <mneme/mneme.hpp>
#include <mneme/raw/first_fit.hpp>
#include <mneme/raw/quarantining.hpp>

#include "support/gaps.hpp"
#include "support/regions.hpp"

using namespace mneme;

#define BOTH_REGIONS test::StaticRegion, test::HeapRegion

namespace {

/// A heap with three blocks of 40 bytes side by side. The last is never touched.
template <class Region>
struct World {
  static constexpr Layout layout{.size = 40, .align = 8};

  Region region;
  Heap heap{region.bytes()};
  std::byte* const a = static_cast<std::byte*>(heap.try_allocate(layout));
  std::byte* const b = static_cast<std::byte*>(heap.try_allocate(layout));
};

TEST_CASE_TEMPLATE("use after free", Region, BOTH_REGIONS) {
  World<Region> here;
  here.heap.free(here.a, here.layout);
  test::read(here.a + 16);
}

TEST_CASE_TEMPLATE("use after defer", Region, BOTH_REGIONS) {
  World<Region> here;
  here.heap.defer_free(here.a, here.layout);
  test::read(here.a + 16);
}

TEST_CASE_TEMPLATE("use of the link after defer", Region, BOTH_REGIONS) {
  World<Region> here;
  here.heap.defer_free(here.a, here.layout);
  test::read(here.a);
}

TEST_CASE_TEMPLATE("use after close of a box", Region, BOTH_REGIONS) {
  World<Region> here;
  auto box = here.heap.template make<std::byte>().poll();
  const std::byte* const object = (*box)->get();
  box.reset();
  test::read(object);
}

TEST_CASE_TEMPLATE("use after shrink", Region, BOTH_REGIONS) {
  World<Region> here;
  REQUIRE(here.heap.try_resize(here.a, here.layout, {.size = 21, .align = 8}));
  test::write(here.a + 21);
}

TEST_CASE_TEMPLATE("use of memory never given", Region, BOTH_REGIONS) {
  World<Region> here;
  test::write(here.region.bytes().data() + 512);
}

TEST_CASE_TEMPLATE("overflow by a byte", Region, BOTH_REGIONS) {
  World<Region> here;
  auto* const odd = static_cast<std::byte*>(here.heap.try_allocate({.size = 41, .align = 8}));
  test::write(odd + 40);
  test::write(odd + 41);  // still inside of the block, which is rounded up
}

TEST_CASE_TEMPLATE("overflow by a byte of what was waited for", Region, BOTH_REGIONS) {
  World<Region> here;
  auto guard = here.heap.try_lock();
  auto request = here.heap.allocate({.size = 41, .align = 8});
  REQUIRE_FALSE(request.poll().has_value());
  guard = {};
  const auto answer = request.poll();
  auto* const odd = static_cast<std::byte*>((*answer)->data());
  test::write(odd + 40);
  test::write(odd + 41);
}

TEST_CASE_TEMPLATE("overflow of what has grown", Region, BOTH_REGIONS) {
  World<Region> here;
  REQUIRE(here.heap.try_resize(here.b, here.layout, {.size = 56, .align = 8}));
  test::write(here.b + 55);
  test::write(here.b + 56);
}

TEST_CASE_TEMPLATE("overflow by a byte of what has grown", Region, BOTH_REGIONS) {
  World<Region> here;
  REQUIRE(here.heap.try_resize(here.b, here.layout, {.size = 57, .align = 8}));
  test::write(here.b + 56);
  test::write(here.b + 57);  // still inside of the block, which is rounded up
}

TEST_CASE_TEMPLATE("overflow into the neighbour", Region, BOTH_REGIONS) {
  World<Region> here;
  test::write(here.a + here.layout.size);
}

TEST_CASE_TEMPLATE("underflow into the header", Region, BOTH_REGIONS) {
  World<Region> here;
  test::write(here.b - 1);
}

TEST_CASE_TEMPLATE("use before the grant", Region, BOTH_REGIONS) {
  World<Region> here;
  auto request = here.heap.allocate({.size = 960, .align = 8});
  REQUIRE_FALSE(request.poll().has_value());
  test::read(here.b + here.layout.size + word_bytes);  // where it is going to be
}

/// The same with a heap that keeps gaps and a quarantine: without, these two go unnoticed.
template <class Region>
struct QuarantinedWorld {
  [[nodiscard]] std::byte* ask() { return static_cast<std::byte*>(heap.try_allocate(layout)); }

  static constexpr Layout layout = World<Region>::layout;
  Region region;
  BasicHeap<Quarantining<test::Gaps<FirstFit, 64>, 8>> heap{region.bytes()};
};

TEST_CASE_TEMPLATE("use after free of a block with a new owner", Region, BOTH_REGIONS) {
  QuarantinedWorld<Region> here;
  std::byte* const old = here.ask();
  here.heap.free(old, here.layout);
  REQUIRE(here.ask() != nullptr);  // which first-fit alone would put at the same place
  test::read(old + 16);
}

/// Which is what the variant quarantine makes of every heap.
TEST_CASE_TEMPLATE("the same in any heap", Region, BOTH_REGIONS) {
  World<Region> here;
  here.heap.free(here.a, here.layout);
  REQUIRE(here.heap.try_allocate(here.layout) != nullptr);
  test::read(here.a + 16);
}

TEST_CASE_TEMPLATE("stride over the neighbour", Region, BOTH_REGIONS) {
  QuarantinedWorld<Region> here;
  std::byte* const first = here.ask();
  REQUIRE(here.ask() != nullptr);
  test::write(first + here.layout.size + word_bytes + 16);  // without a gap, inside of it
}

TEST_CASE_TEMPLATE("what only a freed block knows", Region, BOTH_REGIONS) {
  static Region region;                             // still there when LSan looks
  static BasicHeap<FirstFit> heap(region.bytes());  // which writes over what was freed
  auto* const holder = static_cast<char**>(heap.try_allocate({.size = 16, .align = 8}));
  holder[0] = new char[24];
  holder[1] = nullptr;
  heap.free(holder, {.size = 16, .align = 8});
  REQUIRE(heap.validate() == nullptr);  // ends a quarantine, which would still know it
}

TEST_CASE_TEMPLATE("right use", Region, BOTH_REGIONS) {
  World<Region> here;
  std::memset(here.a, 1, here.layout.size);
  std::memset(here.b, 2, here.layout.size);
  here.heap.free(here.a, here.layout);
  CHECK(here.heap.try_resize(here.b, here.layout, {.size = 80, .align = 8}));
  test::write(here.b + 79);
  CHECK(here.b[39] == std::byte{2});
  here.heap.free(here.b, {.size = 80, .align = 8});
  auto all = here.heap.allocate({.size = 1016, .align = 8}).poll();
  REQUIRE(all.has_value());
  std::memset((**all).data(), 3, 1016);
}

}  // namespace
