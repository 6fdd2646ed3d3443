// purpose: two raw heaps as one, for two banks of memory: the fast one first, then the large one.
// layer: L1; includes L0, raw_heap and block_queries.
// threads: those of the raw heaps inside.
// invariants: a block is wholly in one bank; the bytes between the banks are never touched.
#pragma once

#include <cstddef>
#include <span>

#include "../layout.hpp"
#include "../raw_heap.hpp"
#include "block_queries.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// Takes blocks from `First` while it has room, and else from `Second`. Each has a region of its
/// own, in either order and with other memory between them.
///
///     mneme::BasicHeap<mneme::Chain<mneme::Bounded, mneme::Bounded>> heap{tcm, sram};
///
/// A request waits only if it fits into neither. Offsets count from the lower of the two regions,
/// so that no other heap's region may lie between them in checked builds.
template <RawHeap First, RawHeap Second>
class Chain {
 public:
  static constexpr const char* name = "chain";
  static constexpr std::size_t min_region_bytes = First::min_region_bytes;

  constexpr Chain() noexcept = default;
  explicit Chain(std::span<std::byte> first, std::span<std::byte> second = {}) noexcept
      : first_(first), second_(second) {}

  [[nodiscard]] bool is_exact(BlockLayout layout) const noexcept {
    return first_.is_exact(layout) && second_.is_exact(layout);
  }

  [[nodiscard]] std::byte* allocate(BlockLayout layout, std::size_t header = 0) noexcept {
    std::byte* const block = first_.allocate(layout, header);
    return block != nullptr ? block : second_.allocate(layout, header);
  }
  [[nodiscard]] std::byte* allocate_quickly(BlockLayout layout, std::size_t header) noexcept {
    return mneme::allocate_quickly(first_, layout, header);
  }

  [[nodiscard]] std::size_t deallocate(std::byte* block, std::size_t size) noexcept {
    return is_in(first_, block) ? first_.deallocate(block, size) : second_.deallocate(block, size);
  }
  [[nodiscard]] bool accepts(const std::byte* block, std::size_t size) const noexcept {
    return is_in(first_, block) ? mneme::accepts(first_, block, size)
                                : mneme::accepts(second_, block, size);
  }
  [[nodiscard]] std::size_t taken_bytes(const std::byte* block, std::size_t size) const noexcept {
    return is_in(first_, block) ? mneme::taken_bytes(first_, block, size)
                                : mneme::taken_bytes(second_, block, size);
  }

  /// A block stays in its bank: it is not moved to the faster one, and does not go on in the next.
  [[nodiscard]] bool resize(std::byte* block, std::size_t old_size, BlockLayout wanted) noexcept {
    return is_in(first_, block) ? first_.resize(block, old_size, wanted)
                                : second_.resize(block, old_size, wanted);
  }

  /// Adds the bytes behind the second region.
  [[nodiscard]] bool extend(std::size_t bytes) noexcept
    requires requires(Second& second) { second.extend(bytes); }
  {
    return second_.extend(bytes);
  }

  [[nodiscard]] bool fits_empty(BlockLayout layout) const noexcept {
    return first_.fits_empty(layout) || second_.fits_empty(layout);
  }

  [[nodiscard]] bool fits_beside(const std::byte* block, BlockLayout wanted) const noexcept {
    return is_in(first_, block)
               ? mneme::fits_beside(first_, block, wanted) || second_.fits_empty(wanted)
               : mneme::fits_beside(second_, block, wanted) || first_.fits_empty(wanted);
  }

  [[nodiscard]] std::byte* base() const noexcept {
    return is_first_lower() ? first_.base() : second_.base();
  }
  /// From base() on to the end of the higher bank, with what is between the two.
  [[nodiscard]] std::size_t extent_bytes() const noexcept {
    if (second_.capacity_bytes() == 0) return first_.capacity_bytes();
    if (first_.capacity_bytes() == 0) return second_.capacity_bytes();
    return is_first_lower() ? offset_of(second_) + second_.capacity_bytes()
                            : offset_of(first_) + first_.capacity_bytes();
  }
  [[nodiscard]] std::size_t capacity_bytes() const noexcept {
    return first_.capacity_bytes() + second_.capacity_bytes();
  }
  [[nodiscard]] std::size_t free_bytes() const noexcept {
    return first_.free_bytes() + second_.free_bytes();
  }

  [[nodiscard]] bool is_free(std::size_t offset) const noexcept {
    return is_free_in(first_, offset) || is_free_in(second_, offset);
  }
  [[nodiscard]] std::size_t largest_hole_bytes() const noexcept {
    const std::size_t first = first_.largest_hole_bytes();
    const std::size_t second = second_.largest_hole_bytes();
    return first > second ? first : second;
  }
  template <class F>
  void for_each_hole(F each) const noexcept {
    const auto holes_of = [&](const auto& bank) {
      const std::size_t from = bank.capacity_bytes() == 0 ? 0 : offset_of(bank);
      bank.for_each_hole([&](std::size_t at, std::size_t size) { each(from + at, size); });
    };
    if (is_first_lower()) holes_of(first_);
    holes_of(second_);
    if (!is_first_lower()) holes_of(first_);
  }
  [[nodiscard]] const char* validate() const noexcept {
    const char* const wrong = first_.validate();
    return wrong != nullptr ? wrong : second_.validate();
  }

  [[nodiscard]] const First& first() const noexcept { return first_; }
  [[nodiscard]] const Second& second() const noexcept { return second_; }

 private:
  template <class Bank>
  [[nodiscard]] static bool is_in(const Bank& bank, const std::byte* place) noexcept {
    return address_of(place) - address_of(bank.base()) < bank.capacity_bytes();
  }
  [[nodiscard]] bool is_first_lower() const noexcept {
    if (second_.capacity_bytes() == 0) return true;
    return first_.capacity_bytes() > 0 && address_of(first_.base()) < address_of(second_.base());
  }
  template <class Bank>
  [[nodiscard]] std::size_t offset_of(const Bank& bank) const noexcept {
    return address_of(bank.base()) - address_of(base());
  }
  template <class Bank>
  [[nodiscard]] bool is_free_in(const Bank& bank, std::size_t offset) const noexcept {
    return offset - offset_of(bank) < bank.capacity_bytes() &&
           bank.is_free(offset - offset_of(bank));
  }

  First first_;
  Second second_;
};

}  // namespace mneme::inline MNEME_SETTINGS
