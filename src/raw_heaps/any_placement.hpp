// purpose: stands for all raw heaps at once: if it is open whether a request fits, that is chosen.
// layer: raws; includes L1.
// threads: one; the choices are the thread's.
// invariants: whatever a raw heap that keeps P1 answers on the same blocks, is one of the choices.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <mneme/check.hpp>
#include <mneme/layout.hpp>
#include <mneme/raw/pool.hpp>
#include <mneme/raw_heap.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "sized_rows.hpp"

namespace mneme {

/// Of a thread; see AnyPlacement.
struct PlacementChoices {
  std::size_t yes = 0;
  std::size_t open = 0;
  std::size_t growth = SIZE_MAX;
};

/// Counts the bytes of its blocks and leaves open where they are, but for one thing: each lies at
/// the start of what was a hole, or at the first aligned place there. So holes are multiples of
/// the unit of which all blocks are, and n blocks leave at most n + 1 of them. Then a request is
/// sure to fit if it does however the free bytes are spread over so many, and cannot fit if there
/// are fewer bytes free than it takes. Otherwise some raw heap grants it, and another does not:
/// then the answer is open, and `choose` says which one it is. What did not fit, fits only after a
/// block was freed.
///
/// Its blocks are slots of a pool, so that programs can use them; of these its region must have one
/// for each block.
class AnyPlacement {
 public:
  static constexpr const char* name = "any";
  static constexpr std::size_t min_region_bytes = 2 * word_bytes;
  static constexpr std::string_view number_is = "its size";

  /// The answers to open questions from now on: the first `yes` of them are yes, and the others
  /// no. But a block that could grow in place does so if `yes` is 0; else that counts as a no, and
  /// uses up one.
  static void choose(std::size_t yes) noexcept {
    choices.yes = yes;
    choices.open = 0;
  }
  /// How many questions were open since.
  [[nodiscard]] static std::size_t open_questions() noexcept { return choices.open; }
  /// By how many bytes the heaps of this thread with `has_growth` would have to be larger for some
  /// answer to be another one, or open; of all answers since the last call of forget_growth().
  [[nodiscard]] static std::size_t least_growth() noexcept { return choices.growth; }
  static void forget_growth() noexcept { choices.growth = SIZE_MAX; }

  AnyPlacement(std::span<std::byte> region, RawArguments arguments) noexcept
      : slots_(region, arguments.largest),
        unit_{arguments.unit_bytes},
        capacity_{arguments.number / word_bytes * word_bytes},
        has_growth_{arguments.has_growth} {}

  /// What each block takes of its region.
  [[nodiscard]] static std::size_t slot_bytes(Layout largest) noexcept {
    const auto slot = AnyPool::slot_for(largest);
    return slot ? slot->size : 0;
  }
  [[nodiscard]] static std::optional<std::string> wrong(std::uint64_t /*size_bytes*/,
                                                        RawArguments /*arguments*/) {
    return std::nullopt;
  }
  [[nodiscard]] static std::uint64_t region_bytes(std::uint64_t size_bytes,
                                                  RawArguments /*arguments*/) noexcept {
    return size_bytes;
  }

  [[nodiscard]] static constexpr bool is_exact(BlockLayout /*layout*/) noexcept { return true; }

  [[nodiscard]] std::byte* allocate(BlockLayout layout, std::size_t header) noexcept {
    if (!fits(layout)) {
      least_failed_ = std::min(least_failed_, room_for(layout));
      return nullptr;
    }
    std::byte* const block = slots_.allocate(layout, header);
    fatal_unless(block != nullptr, "a block more than there are slots");
    used_ += layout.size;
    ++blocks_;
    return block;
  }

  [[nodiscard]] std::size_t deallocate(std::byte* block, std::size_t size) noexcept {
    if (slots_.deallocate(block, size) == 0) return 0;
    used_ -= size;
    --blocks_;
    least_failed_ = SIZE_MAX;
    return capacity_;
  }

  /// A block that becomes longer needs a hole behind it, which it may have or not.
  [[nodiscard]] bool resize(std::byte* block, std::size_t old_size, BlockLayout wanted) noexcept {
    if (wanted.size > old_size) {
      if (!is_chosen(wanted.size - old_size, SIZE_MAX, true)) return false;
    } else if (wanted.size < old_size) {
      least_failed_ = SIZE_MAX;
    }
    used_ += wanted.size - old_size;
    return slots_.resize(block, old_size, wanted);
  }

  [[nodiscard]] bool extend(std::size_t bytes) noexcept {
    capacity_ += bytes / word_bytes * word_bytes;
    least_failed_ = SIZE_MAX;
    return true;
  }

  /// At the same addresses as the other raw heaps: from one that is aligned for every layout on.
  [[nodiscard]] bool fits_empty(BlockLayout layout) const noexcept {
    const std::size_t padding = layout.padding_at(0);
    return capacity_ >= padding && capacity_ - padding >= layout.size;
  }

  [[nodiscard]] std::byte* base() const noexcept { return slots_.base(); }
  [[nodiscard]] std::size_t capacity_bytes() const noexcept { return capacity_; }
  [[nodiscard]] std::size_t extent_bytes() const noexcept { return slots_.capacity_bytes(); }
  [[nodiscard]] std::size_t free_bytes() const noexcept { return capacity_ - used_; }
  [[nodiscard]] std::size_t largest_hole_bytes() const noexcept { return free_bytes(); }
  [[nodiscard]] bool is_free(std::size_t offset) const noexcept { return slots_.is_free(offset); }
  [[nodiscard]] const char* validate() const noexcept {
    if (used_ > capacity_) return "the blocks are larger than the heap";
    return slots_.validate();
  }
  /// All free bytes as one.
  template <class F>
  void for_each_hole(F each) const noexcept {
    if (used_ < capacity_) each(used_, capacity_ - used_);
  }

  /// What must not be larger than a request that fits, since the last block was freed: part of the
  /// state of a heap.
  [[nodiscard]] std::size_t least_failed() const noexcept { return least_failed_; }

 private:
  /// A hole so long has a place for the layout, wherever it begins.
  [[nodiscard]] static std::size_t room_for(BlockLayout layout) noexcept {
    return layout.size + layout.align - word_bytes;
  }

  [[nodiscard]] bool fits(BlockLayout layout) const noexcept {
    if (room_for(layout) >= least_failed_) return false;
    // Each of the holes may be a unit too short; but the whole of an empty heap is one.
    const std::size_t sure =
        blocks_ == 0 ? layout.size : (blocks_ + 1) * (room_for(layout) - unit_) + unit_;
    return is_chosen(layout.size, sure, false);
  }

  /// Whether a request is granted that so many free bytes are too few for below `possible`, and
  /// enough for from `sure` on.
  [[nodiscard]] bool is_chosen(std::size_t possible, std::size_t sure,
                               bool is_in_place) const noexcept {
    const std::size_t free = capacity_ / unit_ * unit_ - used_;  // of whole units
    if (free >= sure) return true;
    const std::size_t missing = (free < possible ? possible : sure) - free;
    if (has_growth_ && missing != SIZE_MAX - free) {
      choices.growth = std::min(choices.growth, missing - capacity_ % unit_);
    }
    if (free < possible) return false;
    ++choices.open;
    if (choices.yes == 0) return is_in_place;
    --choices.yes;
    return !is_in_place;
  }

  static inline thread_local PlacementChoices choices{};

  AnyPool slots_;
  std::size_t unit_;
  std::size_t capacity_;
  bool has_growth_;
  std::size_t used_ = 0;
  std::size_t blocks_ = 0;
  std::size_t least_failed_ = SIZE_MAX;
};

static_assert(RawHeap<AnyPlacement>);

}  // namespace mneme
