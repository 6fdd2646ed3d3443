// RUN: %runner %build/tests/hole_lists_test
// purpose: shows that the lists of holes agree with a map, for small and for large sizes.
// layer: tests; includes hole_lists.
// threads: none.
// invariants: none.
#include "mneme/raw/hole_lists.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <mneme/raw/wide_bounded.hpp>
#include <random>
#include <vector>

using namespace mneme;

namespace {

// Of a small heap, 5 is the least size in a trie; of a wide one all sizes are even.
constexpr BoundedForm small_form{.is_small = true};
constexpr BoundedForm wide_form{.is_wide = true};
constexpr BoundedForm small_wide_form{.is_small = true, .is_wide = true};
#define EVERY_FORM                                                             \
  HoleListsOf<BoundedForm{}>, HoleListsOf<small_form>, HoleListsOf<wide_form>, \
      HoleListsOf<small_wide_form>
template <class Lists>
constexpr std::size_t step_of = 1;
template <BoundedForm form>
constexpr std::size_t step_of<HoleListsOf<form>> = form.is_wide ? 2 : 1;

/// Holes with room between them.
template <class Lists>
class TestedHoles : Lists {
  using Lists::words_, Lists::top_, Lists::link, Lists::unlink, Lists::find, Lists::for_each_listed;
  using typename Lists::HoleWords;

 public:
  static constexpr std::size_t most_words = HoleWords::link_mask;

  explicit TestedHoles(std::size_t words) : memory_(words + 1) {
    words_ = HoleWords(reinterpret_cast<std::byte*>(memory_.data()));
    top_ = HoleWords::first + words - 1;
  }

  void insert(std::size_t at, std::size_t size) {
    words_.set(at + size, header::hole_before);  // as a block there has, if its header is 0 else
    link(at, size);
    by_place_[at] = size;
  }
  void remove(std::size_t at) {
    unlink({at, by_place_.at(at)});
    by_place_.erase(at);
  }
  /// The size that is found, compared with the map; 0 if none fits.
  std::size_t search(std::size_t words, std::size_t two) {
    std::size_t best = 0;
    for (const auto& [at, size] : by_place_) {
      const bool fits = size >= words + (two & words_.parity(at));
      if (fits && (best == 0 || size < best)) best = size;
    }
    const auto [found, size_found] = find(words, two);
    if (found == 0) {
      REQUIRE(best == 0);
      return 0;
    }
    REQUIRE(by_place_.at(found) == best);
    REQUIRE(size_found == best);
    const bool fits = best >= words + (two & found);
    REQUIRE(fits);
    return best;
  }
  void compare() const {
    std::map<std::size_t, std::size_t> listed;
    for_each_listed([&](std::size_t at, std::size_t size) { listed[at] = size; });
    const bool agree = listed == by_place_;
    REQUIRE(agree);
  }
  [[nodiscard]] const std::map<std::size_t, std::size_t>& by_place() const { return by_place_; }

 private:
  std::vector<std::size_t> memory_;
  std::map<std::size_t, std::size_t> by_place_;
};

TEST_CASE_TEMPLATE("one hole of each size is found by every smaller request", Lists, EVERY_FORM) {
  constexpr std::size_t step = step_of<Lists>;
  TestedHoles<Lists> holes(6000);
  std::size_t at = step;
  for (std::size_t size = step; size < 100; size += step, at += size) holes.insert(at, size);
  holes.compare();
  for (std::size_t words = 2; words < 99; words += step) CHECK(holes.search(words, 0) == words);
  CHECK(holes.search(100, 0) == 0);
  while (!holes.by_place().empty()) {
    holes.remove(holes.by_place().begin()->first);
    holes.compare();
    (void)holes.search(2, 1);
  }
}

TEST_CASE_TEMPLATE("of holes of the right size one at an even index is found, if there is one",
                   Lists, HoleListsOf<BoundedForm{}>, HoleListsOf<small_form>) {
  for (const std::size_t size :
       {std::size_t{2}, std::size_t{63}, std::size_t{64}, std::size_t{300}}) {
    TestedHoles<Lists> holes(8000);
    holes.insert(1, size);
    CHECK(holes.search(size, 1) == 0);
    holes.insert(1001, size + 1);
    CHECK(holes.search(size, 1) == size + 1);
    holes.insert(2001, size);
    holes.insert(3000, size);
    holes.insert(4001, size);
    holes.insert(5000, size);
    CHECK(holes.search(size, 1) == size);
    holes.remove(3000);
    CHECK(holes.search(size, 1) == size);
    holes.remove(5000);
    CHECK(holes.search(size, 1) == size + 1);
    CHECK(holes.search(size, 0) == size);
  }
}

TEST_CASE_TEMPLATE("random holes of all sizes agree with the map", Lists, EVERY_FORM) {
  constexpr std::size_t unit = step_of<Lists>;
  for (unsigned seed = 0; seed < 12; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    const std::size_t cells = 60;
    const std::size_t most_words = TestedHoles<Lists>::most_words / cells;  // 546 on 32 bits
    const std::size_t cell = seed % 2 == 0 ? 80 : std::min<std::size_t>(1200, most_words);
    TestedHoles<Lists> holes(cells * cell + 4);
    for (int step = 0; step < 1500; ++step) {
      const std::size_t start = unit + random() % cells * cell;
      const auto known = holes.by_place().lower_bound(start);
      if (known != holes.by_place().end() && known->first < start + cell - 1) {
        holes.remove(known->first);
      } else {
        const std::size_t skip = unit == 1 ? random() % 2 : 0;
        const std::size_t most = cell - 2 - skip;
        const std::size_t kinds = 1 + random() % 6;
        const std::size_t size = 1 + random() % most / kinds;
        holes.insert(start + skip, (size + unit - 1) / unit * unit);
      }
      (void)holes.search((2 + random() % cell) / unit * unit, random() % 2);
      if (step % 50 == 0) holes.compare();
    }
  }
}

}  // namespace
