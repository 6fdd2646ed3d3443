// RUN: %runner %build/tests/pool_test
// purpose: shows that a pool keeps the concept's promises, as far as equal blocks allow.
// layer: tests; includes pool and mneme.
// threads: none.
// invariants: a pool under test is compared with a naive list of its slots after every step.
#include "mneme/raw/pool.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <mneme/mneme.hpp>
#include <mneme/raw/quarantining.hpp>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "support/effort.hpp"
#include "support/fatal_line.hpp"
#include "support/raw_heaps.hpp"
#include "support/words.hpp"

using namespace mneme;
using test::operator""_words;

namespace {

using test::Holes;
using test::holes_of;
using test::of_words;

struct PoolFixture {
  alignas(64) std::byte region[12_words + 1]{};
  Pool<2_words> raw{region};  // four slots
};

TEST_CASE("a pool tells what each of its blocks takes") {
  const PoolFixture pool;
  CHECK(pool.raw.slot() == of_words(3));
}

TEST_CASE("regions of every size and skew: whole slots are used, none beyond") {
  const auto memory = std::make_unique<std::byte[]>(512);
  for (std::size_t skew = 0; skew < 4_words; ++skew) {
    for (std::size_t size = 0; size <= 24_words; ++size) {
      std::fill_n(memory.get(), 512, std::byte{0xA5});
      const std::span region(memory.get() + skew, size);
      std::size_t slots = 0;
      {
        Pool<3_words, 2_words> raw(region);
        const std::size_t lost = (2_words - (address_of(region.data()) + 1_words)) % 2_words;
        REQUIRE(raw.capacity_bytes() == (size < lost ? 0 : (size - lost) / 4_words * 4_words));
        REQUIRE(raw.fits_empty(of_words(2)) == (raw.capacity_bytes() > 0));
        while (std::byte* const block = raw.allocate(of_words(4, 2_words))) {
          REQUIRE((address_of(block) + 1_words) % 2_words == 0);
          REQUIRE(block >= region.data());
          REQUIRE(block + 4_words <= region.data() + size);
          std::memset(block + 1_words, 7, 3_words);
          ++slots;
        }
        REQUIRE(slots * 4_words == raw.capacity_bytes());
        REQUIRE(raw.free_bytes() == 0);
      }
      const auto untouched = [](std::byte each) { return each == std::byte{0xA5}; };
      REQUIRE(std::all_of(memory.get(), memory.get() + skew, untouched));
      REQUIRE(std::all_of(region.data() + size, memory.get() + 512, untouched));
    }
  }
}

TEST_CASE_TEMPLATE("random steps agree with a list of slots", Raw, Pool<5_words>,
                   Quarantining<Pool<5_words>, 3>) {
  alignas(64) static std::byte region[40 * 6_words];
  for (unsigned seed = 0; seed < tests::rounds(20U); ++seed) {
    std::mt19937 random(seed);
    const std::span<std::byte> bytes(region);
    Raw raw(bytes.first(6_words + random() % (39 * 6_words)));
    std::vector<std::pair<std::byte*, std::size_t>> live;
    for (int step = 0; step < 500; ++step) {
      const std::size_t words = 2 + random() % 5;
      const std::size_t at = live.empty() ? 0 : random() % live.size();
      if (random() % 2 != 0 || live.empty()) {
        std::byte* const block = raw.allocate(of_words(words), 64);
        REQUIRE((block == nullptr) == (live.size() * 6_words == raw.capacity_bytes()));
        if (block == nullptr) continue;
        for (const auto& [other, size] : live) REQUIRE(other != block);
        REQUIRE((block - raw.base()) % static_cast<std::ptrdiff_t>(6_words) == 0);
        std::memset(block + 1_words, static_cast<int>(words), (words - 1) * word_bytes);
        live.emplace_back(block, words);
      } else if (random() % 4 == 0) {
        REQUIRE(raw.resize(live[at].first, live[at].second * word_bytes, of_words(words)));
        std::memset(live[at].first + 1_words, static_cast<int>(words), (words - 1) * word_bytes);
        live[at].second = words;
      } else {
        const auto [block, size] = live[at];
        for (std::size_t byte = 1_words; byte < size * word_bytes; ++byte) {
          REQUIRE(block[byte] == static_cast<std::byte>(size));
        }
        live.erase(live.begin() + static_cast<std::ptrdiff_t>(at));
        REQUIRE(raw.deallocate(block, size * word_bytes) != 0);
        REQUIRE_FALSE(raw.deallocate(block, size * word_bytes));
      }
      REQUIRE(raw.free_bytes() == raw.capacity_bytes() - live.size() * 6_words);
      for (std::size_t slot = 0; slot * 6_words < raw.capacity_bytes(); ++slot) {
        const auto is_here = [&](const auto& each) {
          return each.first == raw.base() + slot * 6_words;
        };
        REQUIRE(raw.is_free(slot * 6_words + 5) == std::ranges::none_of(live, is_here));
      }
      if (step % 50 == 0) REQUIRE(raw.validate() == nullptr);
    }
    for (const auto& [block, words] : live) REQUIRE(raw.deallocate(block, words * word_bytes));
    CHECK(holes_of(raw) == Holes{{0, raw.capacity_bytes()}});
    CHECK(raw.validate() == nullptr);
  }
}

TEST_CASE_FIXTURE(PoolFixture, "free slots side by side are one hole, whatever their order") {
  std::byte* blocks[4];
  for (std::byte*& block : blocks) block = raw.allocate(of_words(3));
  CHECK(holes_of(raw).empty());
  CHECK(raw.deallocate(blocks[2], 3_words));
  CHECK(raw.deallocate(blocks[0], 3_words));
  CHECK(holes_of(raw) == Holes{{0, 3_words}, {6_words, 3_words}});
  CHECK(raw.largest_hole_bytes() == 3_words);
  CHECK(raw.deallocate(blocks[1], 3_words));
  CHECK(holes_of(raw) == Holes{{0, 9_words}});
  CHECK(raw.allocate(of_words(2)) == blocks[1]);  // the last in is the first out
  CHECK(raw.deallocate(blocks[3], 3_words));
}

TEST_CASE_FIXTURE(PoolFixture, "what is no block is refused, and changes nothing") {
  std::byte* const first = raw.allocate(of_words(3));
  std::byte* const second = raw.allocate(of_words(3));
  CHECK(raw.deallocate(first, 3_words));
  CHECK_FALSE(raw.deallocate(first, 3_words));             // free already
  CHECK_FALSE(raw.deallocate(second + 1_words, 2_words));  // inside of a slot
  CHECK_FALSE(raw.deallocate(second, 4_words));            // longer than a slot
  CHECK_FALSE(raw.deallocate(region + 6_words, 3_words));  // new
  CHECK_FALSE(raw.deallocate(region + 12_words, 3_words));
  std::byte elsewhere[3_words]{};
  CHECK_FALSE(raw.deallocate(elsewhere, 3_words));
  CHECK(raw.free_bytes() == 9_words);
  CHECK(raw.validate() == nullptr);
}

TEST_CASE_FIXTURE(PoolFixture, "what no slot holds can never be met, and is refused at once") {
  CHECK(raw.fits_empty(of_words(3)));
  CHECK_FALSE(raw.fits_empty(of_words(4)));
  CHECK(raw.allocate(of_words(4)) == nullptr);
  CHECK_FALSE(raw.fits_empty(of_words(2, 2_words)));
  CHECK(raw.allocate(of_words(2, 2_words)) == nullptr);
  CHECK_FALSE(raw.fits_empty(of_words(2, SIZE_MAX / 2 + 1)));
  std::byte* const block = raw.allocate(of_words(2));
  CHECK_FALSE(raw.resize(block, 2_words, of_words(4)));
  CHECK(raw.resize(block, 2_words, of_words(3)));
}

TEST_CASE("blocks that are empty, overflow or do not fit give a pool of capacity zero") {
  alignas(64) static std::byte region[16_words];
  CHECK(AnyPool(region, {1, word_bytes}).capacity_bytes() == 16_words);
  for (const Layout payload : {Layout{0, word_bytes}, Layout{SIZE_MAX, word_bytes},
                               Layout{BlockLayout::max_payload_bytes, word_bytes},
                               Layout{1, SIZE_MAX / 2 + 1}, Layout{8, 24}, Layout{16_words, 1}}) {
    AnyPool raw(region, payload);
    CHECK(raw.capacity_bytes() == 0);
    CHECK_FALSE(raw.fits_empty(of_words(2)));
    CHECK(raw.allocate(of_words(2)) == nullptr);
    CHECK_FALSE(raw.deallocate(region, 2_words));
    CHECK(raw.validate() == nullptr);
  }
}

TEST_CASE("a heap over a pool makes requests wait for a slot, and grants them in their order") {
  alignas(64) static std::byte region[12_words];
  BasicHeap<Pool<5_words>> heap(region);
  const Layout packet{5_words, word_bytes};
  void* const first = heap.try_allocate(packet);
  void* const second = heap.try_allocate({1, 1});
  CHECK(heap.stats().used_bytes == 12_words);
  auto third = heap.allocate(packet);
  auto fourth = heap.allocate(packet);
  auto large = heap.allocate({6_words, word_bytes});
  CHECK(large.poll().value().error() == AllocError::too_large);
  CHECK_FALSE(third.poll());
  CHECK_FALSE(fourth.poll());
  (heap.free)(second, {1, 1});
  CHECK_FALSE(fourth.poll());
  CHECK(third.poll().value().has_value());
  heap.defer_free(first, packet);
  CHECK(heap.poll() == 0);
  CHECK(fourth.poll().value().has_value());
}

TEST_CASE_FIXTURE(PoolFixture, "in a checked build no smashed link is followed") {
  if constexpr (!checks_enabled) return;
  std::byte* const first = raw.allocate(of_words(3));
  std::byte* const second = raw.allocate(of_words(3));
  CHECK(raw.deallocate(first, 3_words));
  CHECK(raw.deallocate(second, 3_words));
  const std::size_t good = header::load(second);
  for (const std::size_t wrong :
       {std::size_t{0}, good & ~header::hole, std::size_t{2 << 2 | 1}, std::size_t{7 << 2 | 1}}) {
    header::store(second, wrong);
    CHECK(test::fatal_line_of([&] { (void)raw.allocate(of_words(2)); }) ==
          "mneme: fatal: smashed hole at offset " + std::to_string(3_words) +
              ": free memory was written");
    CHECK(raw.validate() != nullptr);
  }
  header::store(second, good);
  CHECK(raw.validate() == nullptr);
}

}  // namespace
