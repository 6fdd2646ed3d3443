// purpose: compares searches for gaps, by place and by size, with a map of single words.
// layer: tests; includes the driver's gaps.
// threads: one.
// invariants: none.
// RUN: %runner %build/tests/gaps_test
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <random>
#include <vector>

#include "driver/model/gaps.hpp"

using mneme::driver::Gap;
using mneme::driver::Gaps;
using mneme::driver::room_in;

namespace {

constexpr std::size_t word = 8;

/// The same, word by word.
class FreeWords {
 public:
  explicit FreeWords(std::size_t capacity_bytes) : free_(capacity_bytes / word, true) {}

  void set(Gap block, bool is_free) {
    for (std::size_t at = block.offset; at < block.offset + block.size; at += word) {
      free_[at / word] = is_free;
    }
  }
  [[nodiscard]] bool contain(Gap block) const {
    for (std::size_t at = block.offset; at < block.offset + block.size; at += word) {
      if (at / word >= free_.size() || !free_[at / word]) return false;
    }
    return true;
  }
  [[nodiscard]] std::vector<Gap> all() const {
    std::vector<Gap> gaps;
    for (std::size_t index = 0; index < free_.size(); ++index) {
      if (!free_[index]) continue;
      if (index == 0 || !free_[index - 1]) gaps.push_back({index * word, 0});
      gaps.back().size += word;
    }
    return gaps;
  }
  /// From each word on whose next is aligned.
  [[nodiscard]] std::size_t largest_room(std::size_t align) const {
    std::size_t largest = 0;
    for (const Gap gap : all()) {
      for (std::size_t at = gap.offset; at < gap.offset + gap.size; at += word) {
        if ((at + word) % align == 0) largest = std::max(largest, gap.offset + gap.size - at);
      }
    }
    return largest;
  }

 private:
  std::vector<bool> free_;
};

bool are_same(const std::vector<Gap>& a, const std::vector<Gap>& b) {
  return std::ranges::equal(a, b, [](Gap left, Gap right) {
    return left.offset == right.offset && left.size == right.size;
  });
}

TEST_CASE("removing and adding blocks gives the same gaps as a map of single words") {
  constexpr std::size_t words = 64;
  constexpr std::array<std::size_t, 5> aligns{8, 16, 32, 64, 128};
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::mt19937 random{seed};
    const auto below = [&](std::size_t limit) { return random() % limit; };
    Gaps gaps{words * word};
    FreeWords expected{words * word};
    std::vector<Gap> blocks;
    for (int step = 0; step < 200; ++step) {
      const Gap block{below(words) * word, (2 + below(6)) * word};
      REQUIRE(gaps.contain(block) == expected.contain(block));
      if (gaps.contain(block)) {
        gaps.remove(block);
        expected.set(block, false);
        blocks.push_back(block);
      } else if (!blocks.empty()) {
        std::swap(blocks[below(blocks.size())], blocks.back());
        gaps.add(blocks.back());
        expected.set(blocks.back(), true);
        blocks.pop_back();
      }
      REQUIRE(are_same(gaps.all(), expected.all()));
      for (const Gap gap : gaps.all()) REQUIRE(gaps.size_at(gap.offset) == gap.size);
      // The search for each alignment begins at a different time, and then goes on.
      for (std::size_t i = 0; i < aligns.size(); ++i) {
        if (step < 40 * static_cast<int>(i)) break;
        REQUIRE(gaps.largest_room(aligns[i]) == expected.largest_room(aligns[i]));
      }
    }
  }
}

TEST_CASE("no gap begins in the middle of one, or after the last") {
  Gaps gaps{128};
  gaps.remove({0, 32});
  CHECK(gaps.size_at(32) == 96);
  CHECK(gaps.size_at(40) == 0);
  CHECK(gaps.size_at(128) == 0);
  gaps.remove({32, 96});
  CHECK(gaps.size_at(32) == 0);
  CHECK(gaps.largest_room(8) == 0);
  CHECK(Gaps{0}.all().empty());
}

TEST_CASE("alignments beyond any region leave no room") {
  CHECK(room_in({0, 1024}, std::size_t{1} << 63) == 0);
  CHECK(room_in({8, 16}, 16) == 16);
  CHECK(room_in({0, 16}, 16) == 8);
}

TEST_CASE("gaps of two parts side by side never merge, and no block is in both") {
  const std::array parts{Gap{8, 56}, Gap{64, 64}};
  Gaps gaps{parts};
  CHECK(gaps.all().size() == 2);
  CHECK_FALSE(gaps.contain({48, 32}));
  CHECK(gaps.largest_room(8) == 64);
  gaps.remove({40, 24});
  gaps.remove({64, 32});
  gaps.add({64, 32});  // first the one behind the border
  gaps.add({40, 24});
  CHECK(gaps.all().size() == 2);
  gaps.remove({40, 24});
  gaps.remove({64, 32});
  gaps.add({40, 24});  // and then the one before it
  gaps.add({64, 32});
  CHECK(gaps.all().size() == 2);
  CHECK(gaps.size_at(64) == 64);
  CHECK(gaps.size_at(8) == 56);
}

}  // namespace
