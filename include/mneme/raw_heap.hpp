// purpose: what the heap needs from the synchronous allocator inside it.
// layer: L1; includes L0.
// threads: none; the heap's lock word gives one owner at a time.
// invariants: blocks are inside the region, disjoint, aligned; free bytes + block bytes = capacity.
#pragma once

#include <concepts>
#include <cstddef>

#include "layout.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// A synchronous allocator over one region. It writes the header that it is given into the first
/// word of each block, keeps none of its own, and gets the size back with the block. While a block
/// lives the raw heap may change the header's bits `hole` and `hole_before`, and nothing else in
/// it.
///
/// * `name` is how scripts call it; `min_region_bytes` the smallest region, if word-aligned, that
/// holds a block.
/// * `allocate` returns a block that satisfies the layout, with `header` in its first word, or
/// nullptr if it has no room for it now.
/// * `is_exact` is whether a request for the layout fails only if no hole fits (P1). Other layouts
/// are granted if a hole of size + alignment − one word exists, and always by an empty heap.
/// * `deallocate` takes back [block, block + size), and returns the size of the hole that they are
/// part of now, or more if that is not known. It returns 0, and changes nothing, if these bytes are
/// not wholly inside the region or some of them are free already. In checked builds also if what is
/// behind them is neither the region's end nor a hole nor a block with the same heap in its header.
///   After it the block's first word has the bit header::hole, or in a quarantine
///   header::deferred, in checked builds.
/// * `resize` makes a block of `old_size` bytes `new_size` bytes long in place, or returns
/// false.
/// * `fits_empty` is whether the layout could be met if nothing else were allocated (P6).
/// * `is_free` is whether the byte at an offset lies in a hole.
/// * `validate` walks everything and returns nullptr, or what is wrong in a few words.
/// * `for_each_hole` calls f(offset, size) in address order.
template <class Raw>
concept RawHeap = requires(Raw& raw, const Raw& view, BlockLayout layout, std::byte* block,
                           std::size_t size, void (*each)(std::size_t, std::size_t)) {
  { Raw::name } -> std::convertible_to<const char*>;
  { Raw::min_region_bytes } -> std::convertible_to<std::size_t>;
  { raw.allocate(layout, size) } noexcept -> std::same_as<std::byte*>;
  { view.is_exact(layout) } noexcept -> std::same_as<bool>;
  { raw.deallocate(block, size) } noexcept -> std::same_as<std::size_t>;
  { raw.resize(block, size, size) } noexcept -> std::same_as<bool>;
  { view.fits_empty(layout) } noexcept -> std::same_as<bool>;
  { view.is_free(size) } noexcept -> std::same_as<bool>;
  { view.base() } noexcept -> std::same_as<std::byte*>;
  { view.capacity_bytes() } noexcept -> std::same_as<std::size_t>;
  { view.free_bytes() } noexcept -> std::same_as<std::size_t>;
  { view.largest_hole_bytes() } noexcept -> std::same_as<std::size_t>;
  { view.validate() } noexcept -> std::same_as<const char*>;
  view.for_each_hole(each);
};

/// A raw heap may have quick ways for the most frequent case, which become part of every caller:
/// `allocate_quickly` and `deallocate_quickly` do what allocate and deallocate do, or nothing, and
/// return nullptr or 0 then.
template <RawHeap Raw>
[[nodiscard]] inline std::byte* allocate_quickly(Raw& raw, BlockLayout layout,
                                                 std::size_t header) noexcept {
  if constexpr (requires { raw.allocate_quickly(layout, header); }) {
    return raw.allocate_quickly(layout, header);
  }
  return nullptr;
}
template <RawHeap Raw>
[[nodiscard]] inline std::size_t deallocate_quickly(Raw& raw, std::byte* block,
                                                    std::size_t size) noexcept {
  if constexpr (requires { raw.deallocate_quickly(block, size); }) {
    return raw.deallocate_quickly(block, size);
  }
  return 0;
}

/// A raw heap may have `accepts(block, size)`: whether deallocate would take the block back. For
/// others a quarantine looks at each word of it.
template <RawHeap Raw>
[[nodiscard]] inline bool accepts(const Raw& raw, const std::byte* block,
                                  std::size_t size) noexcept {
  if constexpr (requires { raw.accepts(block, size); }) {
    return raw.accepts(block, size);
  } else {
    const std::size_t from = address_of(block) - address_of(raw.base());  // wrapped, it is huge
    if (from > raw.capacity_bytes() || size > raw.capacity_bytes() - from) return false;
    for (std::size_t at = from; at < from + size; at += word_bytes) {
      if (raw.is_free(at)) return false;
    }
    return true;
  }
}

}  // namespace mneme::inline MNEME_SETTINGS
