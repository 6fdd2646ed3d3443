// purpose: a raw heap that makes misuse of memory visible to ASan, MSan and Valgrind for longer.
// layer: tests; includes first_fit, and no room above it, as heap.hpp can be told to include it.
// threads: none; one owner at a time.
// invariants: nobody but such a tool can tell the quarantine from free memory (P1, P9).
#pragma once

#include <array>
#include <cstddef>
#include <span>

#include <mneme/check.hpp>
#include <mneme/instrument.hpp>
#include <mneme/layout.hpp>
#include <mneme/raw/first_fit.hpp>
#include <mneme/raw_heap.hpp>

namespace mneme {

/// Decorates a raw heap, for tests:
///
/// * The last `ring` blocks that were freed are not used again yet, so that a use after free meets
///   closed memory and not the next owner's block.
/// * Behind each block, `gap_bytes` (whole words) stay closed, so that a stride over its end does
///   not land in the neighbour. With gaps, blocks are longer than P10 says, and a block that is one
///   word too short goes unnoticed: test without them, too.
///
/// An allocation that finds no room, and every look at the holes, ends the quarantine first.
template <RawHeap Inner, std::size_t gap_bytes = 0, std::size_t ring = 8>
class Quarantining {
  static_assert(gap_bytes % word_bytes == 0);

 public:
  static constexpr const char* name = Inner::name;
  static constexpr bool is_quarantining = true;
  static constexpr std::size_t min_region_bytes = Inner::min_region_bytes + gap_bytes;

  explicit Quarantining(std::span<std::byte> region) noexcept : inner_(region) {}

  [[nodiscard]] static constexpr bool is_exact(BlockLayout layout) noexcept {
    return Inner::is_exact(layout);
  }

  [[nodiscard]] std::byte* allocate(BlockLayout layout, std::size_t header = 0) noexcept {
    if (layout.size > capacity_bytes()) return nullptr;
    const BlockLayout whole{.size = layout.size + gap_bytes,
                            .align = layout.align,
                            .header_bytes = layout.header_bytes};
    std::byte* block = inner_.allocate(whole, header);
    if (block == nullptr) {
      end_quarantine();
      block = inner_.allocate(whole, header);
    }
    if (block != nullptr) instrument::poison_free(block + layout.size, gap_bytes);
    return block;
  }

  /// Which holes there are is not known before the quarantine ends.
  [[nodiscard]] std::size_t deallocate(std::byte* block, std::size_t size) noexcept {
    const std::size_t from = address_of(block) - address_of(base());  // wrapped, it is huge
    if (from > capacity_bytes() || size > capacity_bytes() - from) return 0;
    for (std::size_t at = from; at < from + size; at += word_bytes) {
      if (is_free(at)) return 0;
    }
    instrument::poison_free(block, size);
    let_go(oldest_);
    held_[oldest_] = {block, size + gap_bytes};
    held_bytes_ += size + gap_bytes;
    oldest_ = (oldest_ + 1) % ring;
    return capacity_bytes();
  }

  [[nodiscard]] bool resize(std::byte* block, std::size_t old_size, std::size_t new_size) noexcept {
    if (!inner_.resize(block, old_size + gap_bytes, new_size + gap_bytes)) {
      end_quarantine();
      if (!inner_.resize(block, old_size + gap_bytes, new_size + gap_bytes)) return false;
    }
    if (new_size > old_size) instrument::mark_undefined(block + old_size, new_size - old_size);
    instrument::poison_free(block + new_size, gap_bytes);
    return true;
  }

  [[nodiscard]] bool fits_empty(BlockLayout layout) const noexcept {
    if (layout.size > capacity_bytes()) return false;
    return inner_.fits_empty({.size = layout.size + gap_bytes,
                              .align = layout.align,
                              .header_bytes = layout.header_bytes});
  }

  [[nodiscard]] bool is_free(std::size_t offset) const noexcept {
    for (const Held& held : held_) {
      if (held.block != nullptr && address_of(base()) + offset - address_of(held.block) < held.size)
        return true;
    }
    return inner_.is_free(offset);
  }

  [[nodiscard]] std::byte* base() const noexcept { return inner_.base(); }
  [[nodiscard]] std::size_t capacity_bytes() const noexcept { return inner_.capacity_bytes(); }
  [[nodiscard]] std::size_t free_bytes() const noexcept {
    return inner_.free_bytes() + held_bytes_;
  }

  [[nodiscard]] std::size_t largest_hole_bytes() const noexcept {
    end_quarantine();
    return inner_.largest_hole_bytes();
  }
  template <class F>
  void for_each_hole(F each) const noexcept {
    end_quarantine();
    inner_.for_each_hole(each);
  }
  [[nodiscard]] const char* validate() const noexcept {
    end_quarantine();
    return inner_.validate();
  }

 private:
  struct Held {
    std::byte* block = nullptr;
    std::size_t size = 0;
  };

  void let_go(std::size_t index) const noexcept {
    Held& held = held_[index];
    if (held.block != nullptr) {
      fatal_unless(inner_.deallocate(held.block, held.size) != 0,
                   "a block of the quarantine was free already");
    }
    held_bytes_ -= held.size;
    held = {};
  }
  void end_quarantine() const noexcept {
    for (std::size_t index = 0; index < ring; ++index) let_go(index);
  }

  // Mutable, as to end the quarantine changes nothing that anybody can see.
  mutable Inner inner_;
  mutable std::array<Held, ring> held_{};
  mutable std::size_t held_bytes_ = 0;
  std::size_t oldest_ = 0;
};

#ifdef MNEME_DEFAULT_RAW_HEADER  // that was the reason to include it
using DefaultRaw = Quarantining<FirstFit>;
#endif

}  // namespace mneme
