// RUN: %runner %build/tests/chain_test
// purpose: shows that two raw heaps are one: what either promises, and the fast bank first.
// layer: tests; includes chain and the raw heaps.
// threads: none.
// invariants: a chain under test is compared with a naive map of both banks after every step.
#include "mneme/raw/chain.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <mneme/mneme.hpp>
#include <mneme/raw/bounded.hpp>
#include <mneme/raw/first_fit.hpp>
#include <mneme/raw/pool.hpp>
#include <mneme/raw/quarantining.hpp>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "support/effort.hpp"
#include "support/fatal_line.hpp"
#include "support/words.hpp"

using namespace mneme;
using test::operator""_words;

namespace {

constexpr std::size_t low_words = 40;
constexpr std::size_t gap_words = 61;
constexpr std::size_t high_words = 100;

constexpr BlockLayout words_block(std::size_t count, std::size_t align = word_bytes) {
  return {.size = count * word_bytes, .align = align, .header_bytes = word_bytes};
}

/// Two banks with memory between them that must stay as it is.
struct Banks {
  Banks() { std::ranges::fill(memory, std::byte{0xA5}); }
  [[nodiscard]] std::span<std::byte> low() { return {memory, low_words * word_bytes}; }
  [[nodiscard]] std::span<std::byte> high() {
    return {memory + (low_words + gap_words) * word_bytes, high_words * word_bytes};
  }
  [[nodiscard]] bool is_gap_intact() {
    return std::all_of(low().data() + low().size(), high().data(),
                       [](std::byte each) { return each == std::byte{0xA5}; });
  }

  alignas(64) std::byte memory[(low_words + gap_words + high_words) * word_bytes];
};

using Small = Chain<FirstFit, Bounded>;

/// The words that are free, by what the chain says of holes and of bytes.
template <class Raw>
void compare(const Raw& raw, const std::map<std::size_t, std::size_t>& live) {
  constexpr std::size_t words = low_words + gap_words + high_words;
  std::vector<bool> is_free(words, true);
  std::fill_n(is_free.begin() + low_words, gap_words, false);
  for (const auto& [at, count] : live) {
    std::fill_n(is_free.begin() + static_cast<std::ptrdiff_t>(at), count, false);
  }
  std::vector<bool> is_in_hole(words, false);
  std::size_t end = 0;
  std::size_t largest = 0;
  raw.for_each_hole([&](std::size_t offset, std::size_t size) {
    REQUIRE(offset >= end);
    end = offset + size;
    largest = std::max(largest, size);
    std::fill_n(is_in_hole.begin() + static_cast<std::ptrdiff_t>(offset / word_bytes),
                size / word_bytes, true);
  });
  REQUIRE(is_in_hole == is_free);
  for (std::size_t at = 0; at < words; ++at) REQUIRE(raw.is_free(at * word_bytes) == is_free[at]);
  REQUIRE(raw.free_bytes() ==
          static_cast<std::size_t>(std::ranges::count(is_free, true)) * word_bytes);
  REQUIRE(raw.largest_hole_bytes() == largest);
  REQUIRE(raw.validate() == nullptr);
}

TEST_CASE("random steps agree with a map of both banks, whichever is the first") {
  for (unsigned seed = 0; seed < tests::rounds(40U); ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    Banks banks;
    const bool low_first = seed % 2 == 0;
    Small raw(low_first ? banks.low() : banks.high(), low_first ? banks.high() : banks.low());
    REQUIRE(raw.base() == banks.memory);
    REQUIRE(raw.extent_bytes() == sizeof banks.memory);
    REQUIRE(raw.capacity_bytes() == (low_words + high_words) * word_bytes);
    std::map<std::size_t, std::size_t> live;  // word, count
    const auto start = [&](std::size_t word) { return raw.base() + word * word_bytes; };
    for (int step = 0; step < 400; ++step) {
      const std::size_t words = 2 + random() % 12;
      auto victim = live.begin();
      if (!live.empty()) std::advance(victim, random() % live.size());
      if (random() % 2 != 0 || live.empty()) {
        const BlockLayout layout = words_block(words, word_bytes << random() % 2);
        const bool first_has_room = raw.first().largest_hole_bytes() >= layout.size + 1_words;
        std::byte* const block = raw.allocate(layout, 64);
        if (block == nullptr) {
          REQUIRE(raw.largest_hole_bytes() < layout.size + 1_words);
          continue;
        }
        const auto at = static_cast<std::size_t>(block - raw.base()) / word_bytes;
        REQUIRE((address_of(block) + 1_words) % layout.align == 0);
        REQUIRE((!first_has_room || (at < low_words) == low_first));
        std::memset(block + 1_words, static_cast<int>(words), (words - 1) * word_bytes);
        live[at] = words;
      } else if (random() % 4 == 0) {
        const auto [at, count] = *victim;
        if (!raw.resize(start(at), count * word_bytes, words_block(words))) {
          REQUIRE(words > count);
        } else {
          std::memset(start(at) + 1_words, static_cast<int>(words), (words - 1) * word_bytes);
          victim->second = words;
        }
      } else {
        const auto [at, count] = *victim;
        for (std::size_t byte = 1_words; byte < count * word_bytes; ++byte) {
          REQUIRE(start(at)[byte] == static_cast<std::byte>(count));
        }
        live.erase(victim);
        REQUIRE(raw.deallocate(start(at), count * word_bytes) != 0);
        REQUIRE((!checks_enabled || raw.deallocate(start(at), count * word_bytes) == 0));
      }
      if (step % 10 == 0) compare(raw, live);
    }
    for (const auto& [at, count] : live) {
      REQUIRE(raw.deallocate(start(at), count * word_bytes) != 0);
    }
    compare(raw, {});
    REQUIRE(banks.is_gap_intact());
  }
}

TEST_CASE("what is in neither bank is refused, and changes nothing") {
  if constexpr (!checks_enabled) return;
  Banks banks;
  Small raw(banks.low(), banks.high());
  CHECK_FALSE(raw.deallocate(banks.low().data() + banks.low().size(), 2_words));
  CHECK_FALSE(raw.deallocate(banks.low().data() + banks.low().size() - 1_words, 20_words));
  std::byte elsewhere[4_words]{};
  CHECK_FALSE(raw.deallocate(elsewhere, 4_words));
  compare(raw, {});
}

TEST_CASE("a bank without memory leaves the other one") {
  Banks banks;
  for (const bool low_first : {true, false}) {
    Small raw(low_first ? banks.low() : std::span<std::byte>{},
              low_first ? std::span<std::byte>{} : banks.low());
    CHECK(raw.base() == banks.memory);
    CHECK(raw.extent_bytes() == low_words * word_bytes);
    CHECK(raw.fits_empty(words_block(low_words)));
    CHECK_FALSE(raw.fits_empty(words_block(low_words + 1)));
    std::byte* const block = raw.allocate(words_block(low_words));
    CHECK(block == banks.memory);
    CHECK_FALSE(raw.is_free(0));
    CHECK(raw.deallocate(block, low_words * word_bytes));
    CHECK(raw.is_free(0));
  }
  const Small none;
  CHECK(none.capacity_bytes() == 0);
  CHECK_FALSE(none.fits_empty(words_block(2)));
}

TEST_CASE("a heap over two banks uses the fast one first, and waits only if both are full") {
  Banks banks;
  BasicHeap<Chain<Pool<5_words>, Bounded>> heap(banks.high(), banks.low());
  const Layout small{5_words, word_bytes};
  const Layout large{30_words, word_bytes};
  std::vector<void*> taken;
  for (std::size_t count = 0; count < high_words / 6; ++count) {
    taken.push_back(heap.try_allocate(small));
    CHECK(taken.back() > banks.high().data());
  }
  void* const slow = heap.try_allocate(large);
  REQUIRE(slow != nullptr);
  CHECK(slow < banks.high().data());
  auto next = heap.allocate(large);
  CHECK_FALSE(next.poll());
  (heap.free)(taken.back(), small);
  CHECK_FALSE(next.poll());
  (heap.free)(slow, large);
  CHECK(next.poll().value().has_value());
  taken.pop_back();
  for (void* const payload : taken) (heap.free)(payload, small);
}

TEST_CASE("a pointer between the banks is not taken for a block") {
  if constexpr (!checks_enabled) return;
  Banks banks;
  BasicHeap<Small> heap(banks.low(), banks.high());
  std::byte* const between = banks.low().data() + banks.low().size() + 2_words;
  CHECK(test::fatal_line_of([&] { (heap.free)(between, {2_words, word_bytes}); }) ==
        "mneme: fatal: smashed header of the block at " +
            std::to_string((low_words + 2) * word_bytes));
}

}  // namespace
