// REQUIRES: m32
// RUN: not %this --no-skip 2>&1 | FileCheck %s
// RUN: %this
// CHECK: ERROR: CHECK( bytes_of(count, 8) > count ) is NOT correct!
// CHECK: ERROR: CHECK( Bounded(region).capacity_bytes() == region.size() ) is NOT correct!
// CHECK: test cases: 3 | 1 passed | 2 failed
// purpose: shows that m32 sees what holds on 64 bits alone: a product, and the length of a link.
// layer: tests; includes bounded.
// threads: none.
// invariants: what holds on both widths, beside it, goes unnoticed.
#include <doctest/doctest.h>

#include <mneme/raw/bounded.hpp>
#include <span>
#include <vector>

using namespace mneme;

namespace {

std::size_t bytes_of(std::size_t count, std::size_t size) { return count * size; }

TEST_CASE("a product that wraps on 32 bits" * doctest::skip()) {
  const std::size_t count = std::size_t{1} << 29;
  CHECK(bytes_of(count, 8) > count);
}

TEST_CASE("a region longer than links of 15 bits reach" * doctest::skip()) {
  std::vector<std::byte> memory(1 << 18);
  const std::span region(memory);
  CHECK(Bounded(region).capacity_bytes() == region.size());
}

TEST_CASE("what holds on both widths") {
  std::vector<std::byte> memory(1 << 16);
  const std::span region(memory);
  CHECK(Bounded(region).capacity_bytes() == region.size());
  CHECK(bytes_of(1 << 16, 8) > 1 << 16);
}

}  // namespace
