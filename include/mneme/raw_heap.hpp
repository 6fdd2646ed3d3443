// purpose: the interface of the synchronous allocator inside a heap.
// layer: L1; includes L0.
// threads: one at a time: the owner of the heap lock.
// invariants: blocks are inside the region, disjoint, aligned; free bytes + block bytes = capacity.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>

#include "layout.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// A synchronous allocator over one region. It writes the header that `allocate` is given into the
/// first word of each block, needs no header of its own, and is told the size when a block is
/// freed. While a block lives, the raw heap may change the bits `hole` and `hole_before` of its
/// header, and no others. Sizes and offsets are in bytes.
///
/// * `name` is its name in scripts; `min_region_bytes` is the size of the smallest word-aligned
///   region that can hold a block.
/// * `allocate` returns a block that satisfies the layout, with `header` in its first word, or
///   nullptr if it has no room now.
/// * `is_exact` returns whether `allocate` fails for this layout only if no hole fits (P1). Other
///   layouts must be granted if there is a hole of size + alignment − one word, and always on an
///   empty heap.
/// * `deallocate` takes back [block, block + size), and returns the size of the hole that these
/// bytes
///   are now part of, or more if it does not know. It returns 0, and changes nothing, if they are
///   not all inside the region or some of them are already free; in checked builds also if behind
///   them there is neither the region's end, nor a hole, nor the header of a block of the same
///   heap. In checked builds it leaves the bit header::hole (in a quarantine: header::deferred) in
///   the block's first word.
/// * `resize` gives a block of `old_size` bytes another size in place: that of the layout, whose
///   alignment it has. It returns false if the bytes behind it are not free; or if they are the
///   last of the region and another hole has room for the whole block, so that a larger region
///   moves no block (P15).
/// * `fits_empty` returns whether the empty heap could meet the layout (P6).
/// * `is_free` returns whether the byte at an offset is in a hole.
/// * `validate` checks all data structures; it returns nullptr, or describes what is wrong.
/// * `for_each_hole` calls f(offset, size) for each hole, in address order.
template <class Raw>
concept RawHeap = requires(Raw& raw, const Raw& view, BlockLayout layout, std::byte* block,
                           std::size_t size, void (*each)(std::size_t, std::size_t)) {
  { Raw::name } -> std::convertible_to<const char*>;
  { Raw::min_region_bytes } -> std::convertible_to<std::size_t>;
  { raw.allocate(layout, size) } noexcept -> std::same_as<std::byte*>;
  { view.is_exact(layout) } noexcept -> std::same_as<bool>;
  { raw.deallocate(block, size) } noexcept -> std::same_as<std::size_t>;
  { raw.resize(block, size, layout) } noexcept -> std::same_as<bool>;
  { view.fits_empty(layout) } noexcept -> std::same_as<bool>;
  { view.is_free(size) } noexcept -> std::same_as<bool>;
  { view.base() } noexcept -> std::same_as<std::byte*>;
  { view.capacity_bytes() } noexcept -> std::same_as<std::size_t>;
  { view.free_bytes() } noexcept -> std::same_as<std::size_t>;
  { view.largest_hole_bytes() } noexcept -> std::same_as<std::size_t>;
  { view.validate() } noexcept -> std::same_as<const char*>;
  view.for_each_hole(each);
};

/// A raw heap may have fast paths for its most frequent case, which are inlined into every caller:
/// `allocate_quickly` and `deallocate_quickly` either do the same as allocate and deallocate, or do
/// nothing and return nullptr or false.
template <RawHeap Raw>
[[nodiscard]] inline std::byte* allocate_quickly(Raw& raw, BlockLayout layout,
                                                 std::size_t header) noexcept {
  if constexpr (requires { raw.allocate_quickly(layout, header); }) {
    return raw.allocate_quickly(layout, header);
  }
  return nullptr;
}
template <RawHeap Raw>
[[nodiscard]] inline bool deallocate_quickly(Raw& raw, std::byte* block,
                                             std::size_t size) noexcept {
  if constexpr (requires { raw.deallocate_quickly(block, size); }) {
    return raw.deallocate_quickly(block, size);
  }
  return false;
}

/// A raw heap may have `taken_bytes(block, size)`: how many of its free bytes a block of `size`
/// bytes takes. Others take as many as the block has.
template <RawHeap Raw>
[[nodiscard]] inline std::size_t taken_bytes(const Raw& raw, const std::byte* block,
                                             std::size_t size) noexcept {
  if constexpr (requires { raw.taken_bytes(block, size); }) return raw.taken_bytes(block, size);
  return size;
}

/// A raw heap may have `extend(bytes)`, which adds the whole words among the bytes behind its last
/// one; false, and nothing changed, if it cannot have that many, or has no region yet. They become
/// part of the hole that ends there, if there is one.
///
/// A raw heap may have `extent_bytes()`: how far from base() on its blocks may reach, if it leaves
/// out some of these bytes. In others they are all of its capacity.
template <RawHeap Raw>
[[nodiscard]] inline std::size_t extent_bytes(const Raw& raw) noexcept {
  if constexpr (requires { raw.extent_bytes(); }) return raw.extent_bytes();
  return raw.capacity_bytes();
}

/// Events that a heap reports to a raw heap with a member `on_event` (recording/recorder.hpp);
/// others pay nothing.
enum class Event : std::uint8_t { allocated, waits, granted, cancelled, resized, freed };
template <RawHeap Raw, class... What>
inline void report_event(const Raw& raw, What... what) noexcept {
  if constexpr (requires { raw.on_event(what...); }) raw.on_event(what...);
}

}  // namespace mneme::inline MNEME_SETTINGS
