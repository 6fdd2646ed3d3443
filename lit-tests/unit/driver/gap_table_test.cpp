// purpose: shows that a table of gaps keeps thousands of them as a map does, growing and shrinking.
// layer: tests; includes the driver's gap_table.
// threads: one.
// invariants: none.
// RUN: %runner %build/tests/gap_table_test
#include <doctest/doctest.h>

#include <cstddef>
#include <map>
#include <random>
#include <vector>

#include "driver/model/gap_table.hpp"

using mneme::driver::GapTable;

namespace {

using ByEnd = std::map<std::size_t, std::size_t>;

/// Whether both have the same gaps, and find the same one behind each of the offsets.
void check_same(const GapTable& table, const ByEnd& expected) {
  auto each = expected.begin();
  table.for_each([&](GapTable::Entry gap) {
    REQUIRE(each != expected.end());
    REQUIRE(gap.end == each->first);
    REQUIRE(gap.begin == each->second);
    ++each;
  });
  REQUIRE(each == expected.end());
  GapTable::Place place = table.first_behind(0);
  for (std::size_t count = 0; count < expected.size(); ++count) place = table.next(place);
  REQUIRE(place == table.end());
}

TEST_CASE("gaps are found behind any offset, whatever was inserted, moved and erased before") {
  constexpr std::size_t slots = 4000;
  GapTable table;
  ByEnd expected;
  std::mt19937 random{1};
  for (std::size_t step = 0; step < 60'000; ++step) {
    // Each gap is in a slot of ten bytes. At first more are inserted, and later more erased.
    const std::size_t slot = random() % slots * 10;
    const auto place = table.first_behind(slot);
    const auto at = expected.upper_bound(slot);
    REQUIRE((place == table.end()) == (at == expected.end()));
    if (at != expected.end()) REQUIRE(table.at(place).end == at->first);
    const bool is_there = at != expected.end() && at->first <= slot + 10;
    const bool may_grow = random() % 100 < (step % 20'000 < 10'000 ? 70U : 25U);
    if (!is_there && may_grow) {
      table.insert(place, {.end = slot + 8, .begin = slot + 2});
      expected.emplace(slot + 8, slot + 2);
    } else if (is_there && !may_grow) {
      table.erase(place);
      expected.erase(at);
    } else if (is_there) {
      const std::size_t end = slot + 6 + random() % 5;
      table.set_begin(place, slot + 1);
      table.set_end(place, end);
      expected.erase(at);
      expected.emplace(end, slot + 1);
    }
    if (step % 500 == 0) check_same(table, expected);
  }
  while (!expected.empty()) {
    table.erase(table.first_behind(0));
    expected.erase(expected.begin());
    if (expected.size() % 50 == 0) check_same(table, expected);
  }
  CHECK(table.first_behind(0) == table.end());
}

TEST_CASE("a copy of a table has gaps of its own") {
  GapTable table;
  for (std::size_t end = 10; end <= 1000; end += 10) {
    table.insert(table.end(), {.end = end, .begin = end - 5});
  }
  const GapTable copy = table;
  while (table.first_behind(0) != table.end()) table.erase(table.first_behind(0));
  CHECK(copy.at(copy.first_behind(500)).end == 510);
}

}  // namespace
