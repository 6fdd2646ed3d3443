// purpose: shows that a set of bits on levels has the numbers that a std::set has.
// layer: tests; includes the driver's word_set.
// threads: one.
// invariants: none.
// RUN: %runner %build/tests/word_set_test
#include <doctest/doctest.h>

#include <cstddef>
#include <iterator>
#include <random>
#include <set>

#include "driver/model/word_set.hpp"

using mneme::driver::WordSet;

namespace {

void check_same(const WordSet& numbers, const std::set<std::size_t>& expected, std::size_t number) {
  const auto from = expected.lower_bound(number);
  REQUIRE(numbers.contains(number) == expected.contains(number));
  REQUIRE(numbers.first_from(number) == (from == expected.end() ? WordSet::none : *from));
  REQUIRE(numbers.last_before(number) ==
          (from == expected.begin() ? WordSet::none : *std::prev(from)));
}

TEST_CASE("a number has the same neighbours as in a std::set, in sets of one level and of more") {
  for (const std::size_t limit : {std::size_t{1}, std::size_t{64}, std::size_t{4095},
                                  std::size_t{4096}, std::size_t{300'000}}) {
    WordSet numbers{limit};
    std::set<std::size_t> expected;
    std::mt19937 random{1};
    for (std::size_t step = 0; step < 20'000; ++step) {
      // At first more are inserted, and later more erased. Half of them are close together.
      const std::size_t range = random() % 2 == 0 ? limit : limit / 100 + 1;
      const std::size_t number = random() % range;
      const bool may_insert = random() % 100 < (step < 10'000 ? 70U : 25U);
      if (expected.contains(number) && !may_insert) {
        numbers.erase(number);
        expected.erase(number);
      } else if (may_insert) {
        numbers.insert(number);
        expected.insert(number);
      }
      check_same(numbers, expected, random() % (limit + 1));
      check_same(numbers, expected, number);
    }
  }
}

TEST_CASE("a number beyond the limit is in no set, and none is behind it") {
  WordSet numbers{100};
  for (std::size_t number = 0; number <= 100; ++number) numbers.insert(number);
  for (const std::size_t number : {std::size_t{128}, std::size_t{1} << 20U, WordSet::none}) {
    CHECK(!numbers.contains(number));
    CHECK(numbers.first_from(number) == WordSet::none);
  }
}

TEST_CASE("a raised limit keeps the numbers, and allows larger ones") {
  WordSet numbers{1};
  std::set<std::size_t> expected;
  for (std::size_t limit = 2; limit < 2'000'000; limit = limit * 3 / 2 + 1) {
    numbers.raise_limit(limit);
    numbers.insert(limit - 1);
    expected.insert(limit - 1);
    for (const std::size_t each : expected) check_same(numbers, expected, each);
    check_same(numbers, expected, limit);
  }
}

TEST_CASE("a copy of a set has numbers of its own") {
  WordSet numbers{1000};
  numbers.insert(500);
  const WordSet copy = numbers;
  numbers.erase(500);
  CHECK(numbers.first_from(0) == WordSet::none);
  CHECK(copy.first_from(0) == 500);
}

}  // namespace
