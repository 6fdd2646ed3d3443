// RUN: %runner %build/tests/block_queries_test
// purpose: tests of the queries about a block, and of their answers for raw heaps without members.
// layer: tests; includes block_queries.
// threads: none.
// invariants: the header needs no other.
#include <doctest/doctest.h>
#include <mneme/raw/block_queries.hpp>
#include <mneme/raw/bounded.hpp>

#include <array>
#include <cstddef>
#include <span>

namespace {

using mneme::BlockLayout;
using mneme::Bounded;
using mneme::word_bytes;

/// A raw heap without the optional members.
class Plain : public Bounded {
 public:
  using Bounded::Bounded;
  void accepts() = delete;
};
static_assert(mneme::RawHeap<Plain>);

constexpr std::size_t words(std::size_t n) { return n * word_bytes; }

/// Three blocks of four words fill a region of twelve; the one in the middle is free.
template <class Raw>
struct Three {
  alignas(64) std::array<std::byte, words(12)> memory{};
  Raw raw{memory};
  std::array<std::byte*, 3> blocks{};

  Three() {
    for (auto& each : blocks) each = raw.allocate({.size = words(4)});
    REQUIRE(raw.deallocate(blocks[1], words(4)) == words(4));
  }
};

TEST_CASE_TEMPLATE("a live block is accepted, and no other", Raw, Plain, Bounded) {
  const Three<Raw> three;
  CHECK(mneme::accepts(three.raw, three.blocks[0], words(4)));
  CHECK(mneme::accepts(three.raw, three.blocks[2], words(4)));
  CHECK_FALSE(mneme::accepts(three.raw, three.blocks[1], words(4)));  // free
  CHECK_FALSE(mneme::accepts(three.raw, three.blocks[2], words(5)));  // beyond the region
  CHECK_FALSE(mneme::accepts(three.raw, three.memory.data() + words(12), words(2)));
}

TEST_CASE("a plain raw heap sees a free word anywhere in a block") {
  const Three<Plain> three;
  CHECK_FALSE(mneme::accepts(three.raw, three.blocks[0], words(5)));
}

TEST_CASE("a block can have all that is behind it, or all before it, but not both") {
  const Three<Plain> three;
  const auto fits = [&](int block, std::size_t n) {
    return mneme::fits_beside(three.raw, three.blocks[static_cast<std::size_t>(block)],
                              BlockLayout{.size = words(n)});
  };
  CHECK(fits(0, 12));
  CHECK_FALSE(fits(0, 13));
  CHECK(fits(1, 8));
  CHECK_FALSE(fits(1, 9));
  CHECK(fits(2, 8));
  CHECK_FALSE(fits(2, 9));
}

TEST_CASE("the room before a block is counted from the first aligned address") {
  alignas(64) std::array<std::byte, words(16)> memory{};
  const std::span<std::byte> region(memory);
  Plain raw(region.subspan(word_bytes));  // so its base is aligned to a word only
  std::byte* const before = raw.allocate({.size = words(11)});
  std::byte* const last = raw.allocate({.size = words(4)});
  REQUIRE((before != nullptr && last != nullptr));
  CHECK(mneme::fits_beside(raw, last, {.size = words(4), .align = words(8)}));
  CHECK_FALSE(mneme::fits_beside(raw, last, {.size = words(5), .align = words(8)}));
}

}  // namespace
