// RUN: %runner %build/tests/live_blocks_test
// purpose: blocks out of a raw heap and back, and the searches that are not repeated.
// layer: tests; includes live_blocks.
// threads: none.
// invariants: none.
#include <doctest/doctest.h>

#include <array>
#include <mneme/live_blocks.hpp>
#include <mneme/raw/bounded.hpp>
#include <mneme/raw/first_fit.hpp>

using namespace mneme;

namespace {

/// Counts how often it is searched.
template <RawHeap Inner>
class CountingSearches : public Inner {
 public:
  using Inner::Inner;
  [[nodiscard]] std::byte* allocate(BlockLayout layout, std::size_t header) noexcept {
    ++searches;
    return Inner::allocate(layout, header);
  }
  int searches = 0;
};

template <RawHeap Raw>
struct TestedBlocks : LiveBlocks<CountingSearches<Raw>> {
  using Base = LiveBlocks<CountingSearches<Raw>>;
  explicit TestedBlocks(std::span<std::byte> region) : Base(region) {}
  ~TestedBlocks() {
    if constexpr (checks_enabled) registry.remove(this);
  }
  void* take(std::size_t payload) {
    return Base::take(*BlockLayout::with_header({payload, word_bytes}), payload);
  }
  void* take_or_note(std::size_t payload, std::size_t align = word_bytes) {
    return Base::take_or_note(*BlockLayout::with_header({payload, align}), payload);
  }
  void give(void* payload, std::size_t size) {
    std::byte* const block = node::block_of(payload);
    node::end_live(block, BlockLayout::size_with_header(size));
    if (!this->give_quickly(block, BlockLayout::size_with_header(size))) {
      Base::give(block, BlockLayout::size_with_header(size));
    }
  }
  using Base::raw_;
  using Base::resize;
};

#define BOTH_RAW_HEAPS FirstFit, Bounded

/// Blocks of 4, 6, 4, 6 words fill the region.
template <RawHeap Raw>
struct FullRegion {
  alignas(64) std::array<std::byte, 20 * word_bytes> memory{};
  TestedBlocks<Raw> blocks{memory};
  std::array<void*, 4> payloads{};
  static constexpr std::array<std::size_t, 4> sizes{3 * word_bytes, 5 * word_bytes, 3 * word_bytes,
                                                    5 * word_bytes};
  FullRegion() {
    for (std::size_t i = 0; i < 4; ++i) payloads[i] = blocks.take(sizes[i]);
    blocks.raw_.searches = 0;
  }
  ~FullRegion() {
    for (std::size_t i = 0; i < 4; ++i) free(i);
    CHECK(blocks.raw_.free_bytes() == blocks.raw_.capacity_bytes());
  }
  void free(std::size_t i) {
    if (payloads[i] != nullptr) blocks.give(payloads[i], sizes[i]);
    payloads[i] = nullptr;
  }
};

TEST_CASE_TEMPLATE("what found no room is not searched for again before a hole is large enough",
                   Raw, BOTH_RAW_HEAPS) {
  FullRegion<Raw> here;
  CHECK(here.blocks.take_or_note(7 * word_bytes) == nullptr);
  CHECK(here.blocks.raw_.searches == 1);
  CHECK(here.blocks.take_or_note(7 * word_bytes) == nullptr);
  here.free(0);  // a hole of 4 words
  CHECK(here.blocks.take_or_note(7 * word_bytes) == nullptr);
  here.free(2);  // another
  CHECK(here.blocks.take_or_note(8 * word_bytes) == nullptr);
  CHECK(here.blocks.raw_.searches == 1);
  here.free(1);  // together 14
  void* const payload = here.blocks.take_or_note(7 * word_bytes);
  REQUIRE(payload != nullptr);
  CHECK(here.blocks.raw_.searches == 2);
  here.blocks.give(payload, 7 * word_bytes);
}

TEST_CASE_TEMPLATE("what asks for less, or for a smaller alignment, is searched for", Raw,
                   BOTH_RAW_HEAPS) {
  FullRegion<Raw> here;
  here.free(0);
  CHECK(here.blocks.take_or_note(4 * word_bytes, 64) == nullptr);
  CHECK(here.blocks.raw_.searches == 1);
  CHECK(here.blocks.take_or_note(4 * word_bytes) == nullptr);  // no alignment to speak of
  CHECK(here.blocks.raw_.searches == 2);
  void* const payload = here.blocks.take_or_note(3 * word_bytes);
  REQUIRE(payload != nullptr);
  CHECK(here.blocks.raw_.searches == 3);
  here.blocks.give(payload, 3 * word_bytes);
}

TEST_CASE_TEMPLATE("a block that shrinks makes a hole, too", Raw, BOTH_RAW_HEAPS) {
  FullRegion<Raw> here;
  CHECK(here.blocks.take_or_note(1 * word_bytes) == nullptr);
  std::byte* const block = node::block_of(here.payloads[1]);
  REQUIRE(here.blocks.resize(block, 6 * word_bytes, {.size = 4 * word_bytes}));
  void* const payload = here.blocks.take_or_note(1 * word_bytes);
  CHECK(payload != nullptr);
  if (payload != nullptr) here.blocks.give(payload, 1 * word_bytes);
  REQUIRE(here.blocks.resize(block, 4 * word_bytes, {.size = 6 * word_bytes}));
}

}  // namespace
