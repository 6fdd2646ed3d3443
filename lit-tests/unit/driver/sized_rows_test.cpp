// RUN: %runner %build/tests/sized_rows_test
// purpose: shows that rows with a number accept exactly the numbers for which there is a heap.
// layer: tests; includes the raw heaps' rows and the driver's region.
// threads: none.
// invariants: none.
#include "raw_heaps/sized_rows.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <mneme/mneme.hpp>

#include "driver/execute/region.hpp"

using namespace mneme;

namespace {

TEST_CASE("a pool is accepted if its region has room for one slot, and only then") {
  const driver::Region memory(512);
  const auto region = memory.bytes();
  for (const std::size_t align : {word_bytes, std::size_t{16}, std::size_t{64}}) {
    for (const std::size_t payload : {std::size_t{1}, std::size_t{24}, std::size_t{64}}) {
      for (std::size_t size = 0; size <= region.size(); ++size) {
        const RawArguments arguments{.number = payload, .align = align};
        const PoolRow pool(region.first(size), arguments);
        const bool has_room = pool.capacity_bytes() > 0;
        CHECK(PoolRow::wrong(size, arguments).has_value() == !has_room);
      }
    }
  }
  CHECK(PoolRow::wrong(region.size(), {.number = 0, .align = word_bytes}).has_value());
  CHECK(PoolRow::wrong(region.size(), {.number = SIZE_MAX, .align = word_bytes}).has_value());
}

TEST_CASE("the second region of a chain has any size that its raw heap can have") {
  const auto is_wrong = [](std::uint64_t number) {
    return ChainRow::wrong(1024, {.number = number}).has_value();
  };
  CHECK(is_wrong(Bounded::min_region_bytes - 1));
  CHECK_FALSE(is_wrong(Bounded::min_region_bytes));
  CHECK_FALSE(is_wrong(Bounded::max_region_bytes));
  CHECK(is_wrong(std::uint64_t{Bounded::max_region_bytes} + 1));
}

TEST_CASE("the second region of a chain begins at a whole word, and has the given size") {
  const driver::Region memory(64 * word_bytes);
  const auto region = memory.bytes();
  const RawArguments arguments{.number = 24 * word_bytes};
  for (std::size_t more = 0; more < word_bytes; ++more) {
    const std::uint64_t bytes = ChainRow::region_bytes(40 * word_bytes + more, arguments);
    CHECK(bytes == 64 * word_bytes);
    ChainRow chain(region.first(bytes), arguments);
    CHECK(chain.capacity_bytes() == 64 * word_bytes);
    CHECK(chain.allocate({.size = 40 * word_bytes}) == region.data());
    CHECK(chain.allocate({.size = 24 * word_bytes}) == region.data() + 40 * word_bytes);
  }
}

}  // namespace
