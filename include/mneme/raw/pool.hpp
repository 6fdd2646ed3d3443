// purpose: a raw heap of equal blocks, for packet buffers: constant time, no fragmentation.
// layer: L1; includes L0, header and raw_heap.
// threads: one owner at a time; headers of live blocks are read and changed by header.hpp alone.
// invariants: a slot is free if and only if it is new or its first word has the bit header::hole.
#pragma once

#include <bit>
#include <cstddef>
#include <expected>
#include <span>

#include "../check.hpp"
#include "../header.hpp"
#include "../instrument.hpp"
#include "../layout.hpp"
#include "../raw_heap.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// A pool whose blocks are chosen when the program runs; most programs know them before, and take
/// Pool.
///
/// The region is cut into slots, of which each holds a header and the largest payload, rounded up
/// to its alignment; a smaller request gets a slot, too. Slots that were never used are *new*, and
/// nothing is written there. The others that are free form a list, last in, first out, of which
/// the links are their first words. So allocate, deallocate and resize take a few steps, however
/// many slots there are, and a request waits only if every slot is taken. `is_free`,
/// `for_each_hole`, `largest_hole_bytes` and `validate` look at each slot.
class AnyPool {
 public:
  static constexpr const char* name = "pool";
  static constexpr std::size_t min_region_bytes = 2 * word_bytes;

  /// A heap of capacity zero.
  constexpr AnyPool() noexcept = default;
  /// As many slots as the region holds, for payloads of up to `payload`. A heap of capacity zero if
  /// that is none, or if the payload is empty or overflows.
  AnyPool(std::span<std::byte> region, Layout payload) noexcept {
    const auto slot = slot_for(payload);
    if (!slot) return;
    const std::size_t skew = slot->padding_at(address_of(region.data()));
    if (skew > region.size()) return;
    base_ = region.data() + skew;
    slot_ = slot->size;
    align_ = slot->align;
    slots_ = (region.size() - skew) / slot_;
    free_ = slots_;
    instrument::poison_free(base_, capacity_bytes());
  }
  /// Opens the region again to whoever has it next; touches nothing.
  ~AnyPool() { instrument::mark_undefined(base_, capacity_bytes()); }
  AnyPool(const AnyPool&) = delete;
  AnyPool& operator=(const AnyPool&) = delete;

  /// The slot for a payload: its size is a multiple of its alignment. Errors: `too_large`, also for
  /// an empty payload, which no pool is for; `bad_alignment`.
  [[nodiscard]] static constexpr std::expected<BlockLayout, AllocError> slot_for(
      Layout payload) noexcept {
    auto slot = BlockLayout::with_header(payload);
    if (!slot) return slot;
    if (payload.size == 0 || slot->size > SIZE_MAX - slot->align) {
      return std::unexpected(AllocError::too_large);
    }
    slot->size = (slot->size + slot->align - 1) & ~(slot->align - 1);
    return slot;
  }

  [[nodiscard]] static constexpr bool is_exact(BlockLayout /*layout*/) noexcept { return true; }

  [[nodiscard]] std::byte* allocate(BlockLayout layout, std::size_t header = 0) noexcept {
    if (free_ == 0 || !fits_slot(layout)) return nullptr;
    std::byte* const block = place(first_ != none ? first_ : used_);
    if (first_ != none) {
      const std::size_t next = header::load(block) >> link_shift;
      if (checks_enabled && !is_link(block, next)) [[unlikely]]
        smashed(first_);
      first_ = next;
    } else {
      ++used_;
    }
    --free_;
    instrument::mark_undefined(block, layout.size);
    header::store(block, header);
    return block;
  }

  /// A block of any size that fits into a slot is taken back.
  [[nodiscard]] std::size_t deallocate(std::byte* block, std::size_t size) noexcept {
    if (!accepts(block, size)) return 0;
    instrument::poison_free(block, size);
    header::store(block, first_ << link_shift | header::hole);
    first_ = index_of(block);
    ++free_;
    return capacity_bytes();
  }

  /// Whether deallocate would take the block back.
  [[nodiscard]] bool accepts(const std::byte* block, std::size_t size) const noexcept {
    const std::size_t at = address_of(block) - address_of(base_);  // wrapped, it is huge
    return at < used_ * slot_ && at % slot_ == 0 && size <= slot_ &&
           (header::load(block) & header::hole) == 0;
  }

  [[nodiscard]] bool resize(std::byte* block, std::size_t old_size,
                            BlockLayout wanted) const noexcept {
    if (wanted.size > slot_) return false;
    if (wanted.size > old_size) {
      instrument::mark_undefined(block + old_size, wanted.size - old_size);
    } else {
      instrument::poison_free(block + wanted.size, old_size - wanted.size);
    }
    return true;
  }

  [[nodiscard]] bool fits_empty(BlockLayout layout) const noexcept {
    return slots_ > 0 && fits_slot(layout);
  }

  /// What each block takes, and the largest alignment of its payload.
  [[nodiscard]] BlockLayout slot() const noexcept {
    return {.size = slot_, .align = align_, .header_bytes = word_bytes};
  }

  [[nodiscard]] std::byte* base() const noexcept { return base_; }
  [[nodiscard]] std::size_t capacity_bytes() const noexcept { return slots_ * slot_; }
  /// Of whole slots.
  [[nodiscard]] std::size_t free_bytes() const noexcept { return free_ * slot_; }
  [[nodiscard]] std::size_t taken_bytes(const std::byte* /*block*/,
                                        std::size_t size) const noexcept {
    return size <= slot_ ? slot_ : size;  // no block of a pool is longer, but one in a Chain is
  }

  [[nodiscard]] bool is_free(std::size_t offset) const noexcept {
    return offset < capacity_bytes() && is_free_slot(offset / slot_);
  }
  /// Free slots side by side are one hole.
  template <class F>
  void for_each_hole(F each) const noexcept {
    for (std::size_t slot = 0; slot < slots_; ++slot) {
      std::size_t end = slot;
      while (end < slots_ && is_free_slot(end)) ++end;
      if (end > slot) each(slot * slot_, (end - slot) * slot_);
      slot = end;
    }
  }
  [[nodiscard]] std::size_t largest_hole_bytes() const noexcept {
    std::size_t largest = 0;
    for_each_hole(
        [&](std::size_t, std::size_t size) { largest = size > largest ? size : largest; });
    return largest;
  }

  [[nodiscard]] const char* validate() const noexcept {
    std::size_t listed = 0;
    for (std::size_t slot = first_; slot != none; ++listed) {
      if (slot >= used_ || listed == used_ || !is_free_slot(slot)) return "a link is impossible";
      slot = header::load(place(slot)) >> link_shift;
    }
    return listed + (slots_ - used_) == free_ ? nullptr : "the free slots do not sum up";
  }

 private:
  static constexpr unsigned link_shift = 2;
  static constexpr std::size_t none = SIZE_MAX >> link_shift;

  [[nodiscard]] std::byte* place(std::size_t slot) const noexcept { return base_ + slot * slot_; }
  [[nodiscard]] std::size_t index_of(const std::byte* block) const noexcept {
    return static_cast<std::size_t>(block - base_) / slot_;
  }
  [[nodiscard]] bool fits_slot(BlockLayout layout) const noexcept {
    return layout.size <= slot_ && layout.align <= align_ &&
           layout.padding_at(address_of(base_)) == 0;
  }
  [[nodiscard]] bool is_free_slot(std::size_t slot) const noexcept {
    return slot >= used_ || (header::load(place(slot)) & header::hole) != 0;
  }
  // Whether a free slot leads to one, or to none; nothing that is read there is believed blindly.
  [[nodiscard]] bool is_link(const std::byte* block, std::size_t next) const noexcept {
    return (header::load(block) & header::hole) != 0 &&
           (next == none || (next < used_ && is_free_slot(next)));
  }

  [[noreturn, gnu::noinline, gnu::cold]] void smashed(std::size_t slot) const noexcept {
    FatalLine{}
        .text("smashed hole at offset ")
        .number(slot * slot_)
        .text(": free memory was written")
        .stop();
  }

  std::byte* base_ = nullptr;
  std::size_t slot_ = 1;
  std::size_t align_ = 0;
  std::size_t slots_ = 0;
  std::size_t used_ = 0;  // the first slot that was never used
  std::size_t free_ = 0;
  std::size_t first_ = none;
};

/// A pool of blocks with payloads of up to `payload_bytes`, each aligned to `payload_align`.
///
///     alignas(16) static std::byte region[8192];
///     mneme::BasicHeap<mneme::Pool<120>> packets{region};  // 64 slots of 128 bytes
template <std::size_t payload_bytes, std::size_t payload_align = word_bytes>
class Pool : public AnyPool {
  static constexpr Layout payload{payload_bytes, payload_align};
  static_assert(payload_bytes > 0, "a pool needs blocks of a byte at least");
  static_assert(std::has_single_bit(payload_align), "the alignment is no power of two");
  static_assert(slot_for({payload_bytes | 1, std::bit_floor(payload_align | 1)}).has_value(),
                "no region can hold a block that large");

 public:
  static constexpr std::size_t min_region_bytes = slot_for(payload).value_or(BlockLayout{}).size;

  constexpr Pool() noexcept = default;
  explicit Pool(std::span<std::byte> region) noexcept : AnyPool(region, payload) {}
};

static_assert(RawHeap<AnyPool>);

}  // namespace mneme::inline MNEME_SETTINGS
