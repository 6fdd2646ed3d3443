// purpose: what only reallocate, and raw heaps around others, ask of a raw heap about a block.
// layer: L1; includes L0 and raw_heap.
// threads: one owner at a time.
// invariants: they change nothing.
#pragma once

#include <cstddef>

#include "../layout.hpp"
#include "../raw_heap.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// Whether a live block can ever get a layout of its own alignment: in place, or before or behind
/// where it is, if all else is free. A raw heap may have such a member of its own.
template <RawHeap Raw>
[[nodiscard]] inline bool fits_beside(const Raw& raw, const std::byte* block,
                                      BlockLayout wanted) noexcept {
  if constexpr (requires { raw.fits_beside(block, wanted); }) return raw.fits_beside(block, wanted);
  const std::size_t before = address_of(block) - address_of(raw.base());
  const std::size_t padding = wanted.padding_at(address_of(raw.base()));
  const std::size_t size = taken_bytes(raw, block, wanted.size);
  return raw.fits_empty(wanted) &&
         (size <= extent_bytes(raw) - before || (padding <= before && size <= before - padding));
}

/// Whether deallocate would take the block back; for a quarantine. A raw heap may have a member
/// `accepts(block, size)` for that; otherwise each word of the block is looked up. O(size) then.
template <RawHeap Raw>
[[nodiscard]] inline bool accepts(const Raw& raw, const std::byte* block,
                                  std::size_t size) noexcept {
  if constexpr (requires { raw.accepts(block, size); }) {
    return raw.accepts(block, size);
  } else {
    const std::size_t from = address_of(block) - address_of(raw.base());  // huge if it wraps
    if (from > raw.capacity_bytes() || size > raw.capacity_bytes() - from) return false;
    for (std::size_t at = from; at < from + size; at += word_bytes) {
      if (raw.is_free(at)) return false;
    }
    return true;
  }
}

}  // namespace mneme::inline MNEME_SETTINGS
