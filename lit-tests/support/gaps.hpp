// purpose: a raw heap that keeps gaps between blocks, so that ASan sees strides over a block's end.
// layer: tests; includes what raw heaps include.
// threads: none; one owner at a time.
// invariants: after each block, gap_bytes (whole words) are used by nothing.
#pragma once

#include <cstddef>
#include <mneme/instrument.hpp>
#include <mneme/layout.hpp>
#include <mneme/raw_heap.hpp>

namespace mneme::test {

/// Decorates a raw heap, without its fast paths. Blocks are longer than P10 says, so a block that
/// is one word too short goes unnoticed: test without gaps, too.
template <RawHeap Inner, std::size_t gap_bytes>
class Gaps : public Inner {
  static_assert(gap_bytes % word_bytes == 0);

 public:
  using Inner::Inner;
  static constexpr std::size_t min_region_bytes = Inner::min_region_bytes + gap_bytes;

  [[nodiscard]] std::byte* allocate(BlockLayout layout, std::size_t header = 0) noexcept {
    if (layout.size > this->capacity_bytes()) return nullptr;
    std::byte* const block = Inner::allocate(with_gap(layout), header);
    if (block != nullptr) instrument::poison_free(block + layout.size, gap_bytes);
    return block;
  }
  [[nodiscard]] std::size_t deallocate(std::byte* block, std::size_t size) noexcept {
    return Inner::deallocate(block, size + gap_bytes);
  }
  [[nodiscard]] bool accepts(const std::byte* block, std::size_t size) const noexcept {
    return Inner::accepts(block, size + gap_bytes);
  }
  [[nodiscard]] bool resize(std::byte* block, std::size_t old_size, BlockLayout wanted) noexcept {
    if (!Inner::resize(block, old_size + gap_bytes, with_gap(wanted))) return false;
    if (wanted.size > old_size) {
      instrument::mark_undefined(block + old_size, wanted.size - old_size);
    }
    instrument::poison_free(block + wanted.size, gap_bytes);
    return true;
  }
  [[nodiscard]] bool fits_empty(BlockLayout layout) const noexcept {
    return layout.size <= this->capacity_bytes() && Inner::fits_empty(with_gap(layout));
  }

 private:
  [[nodiscard]] static BlockLayout with_gap(BlockLayout layout) noexcept {
    layout.size += gap_bytes;
    return layout;
  }
};

}  // namespace mneme::test
