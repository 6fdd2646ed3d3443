// purpose: the heap of a script, on the raw heap that its `heap` line names.
// layer: execute; includes raws and mneme.
// threads: one owner.
// invariants: the row is chosen before the heap is made, and never changes.
#pragma once

#include <cstddef>
#include <mneme/instrument.hpp>
#include <mneme/mneme.hpp>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "raw_heaps/table.hpp"

namespace mneme::driver {

/// One of the table's raw heaps. The switch over the rows takes 2 % of the instructions of a step.
class AnyRaw {
 public:
  static constexpr const char* name = "any";
  static constexpr std::size_t min_region_bytes = 2 * word_bytes;

  /// Selects the row for raw heaps constructed on this thread from now on. A heap constructs its
  /// raw heap from a region alone, so the row cannot be an argument.
  static void select(std::size_t row) noexcept { selected_row = row; }

  explicit AnyRaw(std::span<std::byte> region) noexcept
      : raw_(RawHeaps::make(selected_row, region)) {}

  // The variant is never valueless, so no visit throws.
  // NOLINTBEGIN(bugprone-exception-escape)
  /// Unpoisons the block, as a raw heap from outside the tree need not know about sanitizers.
  [[nodiscard]] std::byte* allocate(BlockLayout layout, std::size_t header) noexcept {
    std::byte* const block =
        std::visit([&](auto& raw) { return raw.allocate(layout, header); }, raw_);
    if (block != nullptr) instrument::mark_undefined(block, layout.size);
    return block;
  }
  [[nodiscard]] std::size_t deallocate(std::byte* block, std::size_t size) noexcept {
    return std::visit([&](auto& raw) { return raw.deallocate(block, size); }, raw_);
  }
  [[nodiscard]] bool resize(std::byte* block, std::size_t old_size, BlockLayout wanted) noexcept {
    const bool done =
        std::visit([&](auto& raw) { return raw.resize(block, old_size, wanted); }, raw_);
    if (done && wanted.size > old_size) {
      instrument::mark_undefined(block + old_size, wanted.size - old_size);
    }
    return done;
  }
  /// False for the raw heaps that cannot be extended.
  [[nodiscard]] bool extend(std::size_t bytes) noexcept {
    return std::visit(
        [&]<class Raw>(Raw& raw) {
          if constexpr (is_extensible<Raw>) return raw.extend(bytes);
          return false;
        },
        raw_);
  }

  [[nodiscard]] bool is_exact(BlockLayout layout) const noexcept {
    return std::visit([&](const auto& raw) { return raw.is_exact(layout); }, raw_);
  }
  [[nodiscard]] bool fits_empty(BlockLayout layout) const noexcept {
    return std::visit([&](const auto& raw) { return raw.fits_empty(layout); }, raw_);
  }
  [[nodiscard]] bool is_free(std::size_t offset) const noexcept {
    return std::visit([&](const auto& raw) { return raw.is_free(offset); }, raw_);
  }
  [[nodiscard]] std::byte* base() const noexcept {
    return std::visit([](const auto& raw) { return raw.base(); }, raw_);
  }
  [[nodiscard]] std::size_t capacity_bytes() const noexcept {
    return std::visit([](const auto& raw) { return raw.capacity_bytes(); }, raw_);
  }
  [[nodiscard]] std::size_t free_bytes() const noexcept {
    return std::visit([](const auto& raw) { return raw.free_bytes(); }, raw_);
  }
  [[nodiscard]] std::size_t largest_hole_bytes() const noexcept {
    return std::visit([](const auto& raw) { return raw.largest_hole_bytes(); }, raw_);
  }
  [[nodiscard]] const char* validate() const noexcept {
    return std::visit([](const auto& raw) { return raw.validate(); }, raw_);
  }
  template <class F>
  void for_each_hole(F each) const noexcept {
    std::visit([&](const auto& raw) { raw.for_each_hole(each); }, raw_);
  }
  // NOLINTEND(bugprone-exception-escape)

 private:
  static inline thread_local std::size_t selected_row = 0;

  RawHeaps::Any raw_;
};

using DriverHeap = BasicHeap<AnyRaw>;

/// The largest alignment of a payload up to which `raw` is exact; see RawHeap.
[[nodiscard]] std::size_t exact_align_max(const AnyRaw& raw) noexcept;

/// The message for a name after `raw=` that is not in the table.
[[nodiscard]] std::string unknown_raw_heap(std::string_view name);

}  // namespace mneme::driver
