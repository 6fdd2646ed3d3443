// RUN: %runner %build/tests/extend_test
// purpose: shows that memory behind a region can be handed over later, and is as if always there.
// layer: tests; includes mneme and the raw heaps.
// threads: none.
// invariants: none.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <mneme/mneme.hpp>
#include <mneme/raw/chain.hpp>
#include <mneme/raw/first_fit.hpp>
#include <mneme/raw/pool.hpp>
#include <random>
#include <type_traits>
#include <vector>

#include "support/words.hpp"

using namespace mneme;
using test::operator""_words;

namespace {

constexpr std::size_t region_bytes = 400_words;

struct ExtendedRegions {
  alignas(4096) std::array<std::byte, region_bytes> grown{};
  alignas(4096) std::array<std::byte, region_bytes> whole{};
};

TEST_CASE_TEMPLATE(
    "a heap that is extended when it is full puts every block where a larger one does", Raw,
    Bounded, FirstFit) {
  static ExtendedRegions regions;
  for (unsigned seed = 0; seed < 60; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    Raw grown(std::span(regions.grown).first(2_words + random() % 40_words));
    Raw whole(regions.whole);
    std::vector<std::pair<std::size_t, BlockLayout>> live;
    int extensions = 0;
    for (int step = 0; step < 300; ++step) {
      if (random() % 3 == 0 && !live.empty()) {
        std::swap(live[random() % live.size()], live.back());
        const auto [at, layout] = live.back();
        live.pop_back();
        REQUIRE(grown.deallocate(grown.base() + at, layout.size) != 0);
        REQUIRE(whole.deallocate(whole.base() + at, layout.size) != 0);
        continue;
      }
      const BlockLayout layout{(2 + random() % 12) * word_bytes, word_bytes << random() % 3,
                               word_bytes};
      std::byte* const expected = whole.allocate(layout, 64);
      if (expected == nullptr) break;
      std::byte* block = grown.allocate(layout, 64);
      for (; block == nullptr; block = grown.allocate(layout, 64), ++extensions) {
        REQUIRE(grown.extend(random() % 6_words));
        REQUIRE(grown.validate() == nullptr);
      }
      REQUIRE(block - grown.base() == expected - whole.base());
      live.emplace_back(block - grown.base(), layout);
    }
    REQUIRE(extensions > 0);
    for (const auto& [at, layout] : live) {
      REQUIRE(grown.deallocate(grown.base() + at, layout.size) != 0);
    }
    CHECK(grown.validate() == nullptr);
    CHECK(grown.largest_hole_bytes() == grown.capacity_bytes());
    CHECK(grown.free_bytes() == grown.capacity_bytes());
  }
}

TEST_CASE_TEMPLATE("what no raw heap can have, or none without a region, is refused", Raw, Bounded,
                   FirstFit) {
  static ExtendedRegions regions;
  Raw raw(std::span(regions.grown).first(8_words));
  CHECK_FALSE(raw.extend(SIZE_MAX));
  CHECK(raw.capacity_bytes() == 8_words);
  CHECK(raw.extend(1_words - 1));
  CHECK(raw.capacity_bytes() == 8_words);
  CHECK(raw.extend(1_words));
  CHECK(raw.capacity_bytes() == 9_words);
  CHECK(raw.validate() == nullptr);
  if constexpr (std::is_same_v<Raw, Bounded>) {
    CHECK_FALSE(raw.extend(Bounded::max_region_bytes - raw.capacity_bytes() + 1_words));
  }
  Raw none;
  CHECK_FALSE(none.extend(8_words));
}

TEST_CASE_TEMPLATE("an extension by less than a word writes nothing behind a full region", Raw,
                   Bounded, FirstFit) {
  static ExtendedRegions regions;
  const auto behind = std::span(regions.grown).subspan(8_words, 2_words);
  std::ranges::fill(behind, std::byte{0x5A});
  Raw raw(std::span(regions.grown).first(8_words));
  CHECK(raw.allocate({.size = 8_words}) != nullptr);
  CHECK(raw.extend(1_words - 1));
  CHECK(std::ranges::count(behind, std::byte{0x5A}) == 2_words);
}

TEST_CASE("an extension grants requests that wait, in their order, and admits larger ones") {
  static ExtendedRegions regions;
  Heap heap(std::span(regions.grown).first(20_words));
  const Layout half{9_words, word_bytes};
  void* const first = heap.try_allocate(half);
  void* const second = heap.try_allocate(half);
  auto third = heap.allocate(half);
  auto fourth = heap.allocate(half);
  auto large = heap.allocate({29_words, word_bytes});
  CHECK_FALSE(third.poll());
  CHECK_FALSE(fourth.poll());
  CHECK(large.poll().value().error() == AllocError::too_large);
  REQUIRE(heap.extend(10_words));
  CHECK_FALSE(fourth.poll());
  auto answer = third.poll();
  REQUIRE(answer.has_value());
  REQUIRE(answer->has_value());
  auto later = heap.allocate({29_words, word_bytes});  // the whole region, by now
  CHECK_FALSE(later.poll());
  REQUIRE(heap.extend(60_words));
  CHECK(fourth.poll().value().has_value());
  CHECK(later.poll().value().has_value());
  CHECK(heap.capacity_bytes() == 90_words);
  (heap.free)(first, half);
  (heap.free)(second, half);
}

TEST_CASE("while the heap is held it is not extended") {
  static ExtendedRegions regions;
  Heap heap(std::span(regions.grown).first(20_words));
  {
    auto guard = heap.try_lock();
    CHECK_FALSE(heap.extend(10_words));
  }
  CHECK(heap.capacity_bytes() == 20_words);
  CHECK(heap.extend(10_words));
}

TEST_CASE("a chain is extended behind its second region") {
  static ExtendedRegions regions;
  Chain<FirstFit, Bounded> raw(std::span(regions.grown).first(20_words),
                               std::span(regions.whole).first(20_words));
  const BlockLayout layout{30_words, word_bytes, word_bytes};
  CHECK(raw.allocate(layout, 64) == nullptr);
  REQUIRE(raw.extend(10_words));
  CHECK(raw.capacity_bytes() == 50_words);
  CHECK(raw.allocate(layout, 64) == regions.whole.data());
  CHECK(raw.allocate({20_words, word_bytes, word_bytes}, 64) == regions.grown.data());
}

template <class AnyHeap>
concept Extensible = requires(AnyHeap& heap) { heap.extend(1); };

TEST_CASE("a heap over a raw heap that cannot be extended has no such call") {
  CHECK(Extensible<Heap>);
  CHECK(Extensible<BasicHeap<FirstFit>>);
  CHECK(Extensible<BasicHeap<Chain<AnyPool, FirstFit>>>);
  CHECK_FALSE(Extensible<BasicHeap<Chain<FirstFit, AnyPool>>>);
  CHECK_FALSE(Extensible<BasicHeap<AnyPool>>);
}

}  // namespace
