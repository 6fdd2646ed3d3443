// purpose: the rows whose raw heaps need a number beside the region, as in `raw=pool:64`.
// layer: raws; includes L1.
// threads: those of the raw heaps inside.
// invariants: nothing is made before `wrong` had nothing to say.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mneme/raw/bounded.hpp>
#include <mneme/raw/chain.hpp>
#include <mneme/raw/first_fit.hpp>
#include <mneme/raw/pool.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace mneme {

/// What the row of a raw heap is made with, beside its region.
struct RawArguments {
  std::uint64_t number = 0;
  std::size_t align = 0;  // of blocks that name none
  // Of AnyPlacement: the largest payload; what all sizes of blocks are multiples of, a word if some
  // payload has a larger alignment; and whether least_growth() is about this heap.
  Layout largest{};
  std::size_t unit_bytes = 0;
  bool has_growth = false;
};

/// A pool: the number is the size of its blocks' payloads.
class PoolRow : public AnyPool {
 public:
  static constexpr std::string_view number_is = "the size of its blocks";

  PoolRow(std::span<std::byte> region, RawArguments arguments) noexcept
      : AnyPool(region, payload_of(arguments)) {}

  /// What is wrong with a region of this size and the number, if anything is.
  [[nodiscard]] static std::optional<std::string> wrong(std::uint64_t size_bytes,
                                                        RawArguments arguments) {
    const std::string number = std::to_string(arguments.number);
    if (arguments.number == 0) return "the blocks of a pool need at least 1 byte, not 0";
    const auto slot = slot_for(payload_of(arguments));
    if (!slot) return "blocks of " + number + " bytes are too large for any pool";
    const std::size_t padding = slot->padding_at(0);
    if (size_bytes >= padding && size_bytes - padding >= slot->size) return std::nullopt;
    return "no block of " + number + " bytes fits into " + std::to_string(size_bytes) +
           " bytes: it takes " + std::to_string(slot->size) +
           (padding == 0 ? "" : ", from " + std::to_string(padding) + " on");
  }
  [[nodiscard]] static std::uint64_t region_bytes(std::uint64_t size_bytes,
                                                  RawArguments /*arguments*/) noexcept {
    return size_bytes;
  }

 private:
  [[nodiscard]] static Layout payload_of(RawArguments arguments) noexcept {
    return {.size = static_cast<std::size_t>(arguments.number), .align = arguments.align};
  }
};

/// First fit in a small, fast region, and a bounded heap in a large one behind it: the number is
/// the size of the second region.
class ChainRow : public Chain<FirstFit, Bounded> {
 public:
  static constexpr std::string_view number_is = "the size of its second region";

  ChainRow(std::span<std::byte> region, RawArguments arguments) noexcept
      : Chain(region.first(region.size() - arguments.number), region.last(arguments.number)) {}

  [[nodiscard]] static std::optional<std::string> wrong(std::uint64_t /*size_bytes*/,
                                                        RawArguments arguments) {
    const auto out_of_bounds = [&](std::string_view what, std::string_view bound,
                                   std::size_t limit) {
      return "second region too " + std::string(what) + ": " + std::to_string(arguments.number) +
             " bytes (" + std::string(bound) + ' ' + std::to_string(limit) + ")";
    };
    if (arguments.number < Bounded::min_region_bytes) {
      return out_of_bounds("small", "minimum", Bounded::min_region_bytes);
    }
    if (arguments.number > Bounded::max_region_bytes) {
      return out_of_bounds("large", "maximum", Bounded::max_region_bytes);
    }
    return std::nullopt;
  }
  /// The whole words of the first region, and the second behind them.
  [[nodiscard]] static std::uint64_t region_bytes(std::uint64_t size_bytes,
                                                  RawArguments arguments) noexcept {
    return size_bytes / word_bytes * word_bytes + arguments.number;
  }
};

static_assert(RawHeap<PoolRow>);
static_assert(RawHeap<ChainRow>);

}  // namespace mneme
