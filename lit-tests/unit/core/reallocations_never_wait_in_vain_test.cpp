// purpose: shows that a reallocation is refused exactly if its own old block leaves it no room.
// layer: tests; includes mneme, the raw heaps and the tests' support.
// threads: one.
// invariants: what waits is granted once all other blocks are freed, whatever its alignment.
// RUN: %runner %build/tests/reallocations_never_wait_in_vain_test
#include <algorithm>
#include <array>
#include <cstddef>
#include <mneme/raw/chain.hpp>
#include <mneme/raw/pool.hpp>
#include <mneme/raw/quarantining.hpp>
#include <mneme/raw/wide_bounded.hpp>
#include <mneme/waiting/reallocate.hpp>
#include <optional>
#include <random>
#include <span>
#include <vector>

#include "raw_heaps/table.hpp"
#include "support/effort.hpp"
#include "support/names.hpp"

using namespace tests::names;

namespace {

alignas(1024) std::array<std::byte, 1024> memory;

/// Two banks of different sizes, without a byte between them.
using Banks = mneme::Chain<mneme::Bounded, mneme::FirstFit>;

template <class AnyHeap>
class Case {
  using Block = mneme::Allocation<AnyHeap>;

 public:
  template <class... Banks>
  explicit Case(std::mt19937& source, Banks... banks) : random_(source), heap_(banks...) {}

  /// Puts a block between others, makes it longer, and frees the others.
  void run(mneme::Layout layout, std::size_t longer) {
    if (random_() % 4 != 0) others_.push_back(block(bytes(any(40))));
    Block own = block(layout);
    if (!own) return;
    if (random_() % 4 != 0) others_.push_back(block(bytes(any(8))));
    for (std::size_t rest = 60_words; rest >= word_bytes;) {
      others_.push_back(block(bytes(rest)));
      if (!others_.back()) rest -= word_bytes;
    }
    std::ranges::shuffle(others_, random_);
    auto request = heap_.reallocate(own, longer);
    const auto answer = request.poll();
    others_.clear();
    if (answer) {
      if (*answer) return;
      CHECK(answer->error() == AllocError::too_large);
      CHECK(!heap_.try_resize(own.data(), layout, {.size = longer, .align = layout.align}));
      CHECK(!block({.size = longer, .align = layout.align}));
    } else {
      REQUIRE(request.state() == RequestState::granted);
      (void)granted(request);
      CHECK(own.layout().size == longer);
    }
  }

 private:
  [[nodiscard]] std::size_t any(std::size_t words) { return random_() % (words + 1) * word_bytes; }

  /// A block at once, or an empty one.
  [[nodiscard]] Block block(mneme::Layout layout) {
    auto answer = heap_.allocate(layout).poll();
    return answer && *answer ? std::move(**answer) : Block();
  }

  std::mt19937& random_;
  AnyHeap heap_;
  std::vector<Block> others_;
};

template <class Raw>
void run_at_random() {
  using AnyHeap = mneme::BasicHeap<Raw>;
  for (unsigned seed = 0; seed < tests::rounds(2000U); ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    const auto any = [&](std::size_t words) { return random() % (words + 1) * word_bytes; };
    const auto region = std::span(memory).subspan(any(7), 16_words + any(48));
    const mneme::Layout layout{.size = any(8), .align = std::size_t{1} << random() % 9};
    const std::size_t longer = layout.size + 1_words + any(region.size() / word_bytes);
    const auto run = [&](auto... banks) { Case<AnyHeap>(random, banks...).run(layout, longer); };
    if constexpr (std::is_same_v<Raw, Banks>) {
      const std::size_t first = 4_words + any(region.size() / word_bytes - 8);
      run(region.first(first), region.subspan(first));
    } else {
      run(region);
    }
  }
}

}  // namespace

TEST_CASE_TEMPLATE("beside its old block alone a reallocation is granted, or it was refused", Raw,
                   MNEME_RAW_HEAPS, mneme::WideBounded, Banks, mneme::Pool<9 * word_bytes>,
                   mneme::Quarantining<mneme::Bounded, 3>) {
  run_at_random<Raw>();
}
