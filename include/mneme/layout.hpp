// purpose: sizes and alignments, with arithmetic that reports overflow instead of wrapping (P7).
// layer: L0; includes L0.
// threads: any; plain values, all constexpr.
// invariants: no arithmetic here wraps; overflow gives std::nullopt or AllocError.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>

#include "error.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// The machine word: the unit of block sizes and of the overhead (8 bytes on 64-bit targets, 4 on
/// 32-bit).
inline constexpr std::size_t word_bytes = sizeof(void*);

/// a × b, or nullopt if that overflows.
[[nodiscard]] constexpr std::optional<std::size_t> checked_multiply(std::size_t a,
                                                                    std::size_t b) noexcept {
  std::size_t product = 0;
  if (__builtin_mul_overflow(a, b, &product)) return std::nullopt;
  return product;
}

/// A pointer's address as a number, to calculate with; it is never turned back into a pointer.
[[nodiscard]] inline std::size_t address_of(const void* place) noexcept {
  return std::bit_cast<std::uintptr_t>(place);
}

/// The layout of a payload: a size in bytes (zero is legal) and an alignment in bytes (a power of
/// two).
struct Layout {
  std::size_t size = 0;
  std::size_t align = alignof(std::max_align_t);

  /// The layout of one T.
  template <class T>
  [[nodiscard]] static constexpr Layout of() noexcept {
    return {sizeof(T), alignof(T)};
  }

  /// The layout of an array of `count` T, or `too_large` if its size overflows.
  template <class T>
  [[nodiscard]] static constexpr std::expected<Layout, AllocError> array(
      std::size_t count) noexcept {
    const auto size = checked_multiply(count, sizeof(T));
    if (!size) return std::unexpected(AllocError::too_large);
    return Layout{*size, alignof(T)};
  }

  friend constexpr bool operator==(Layout, Layout) noexcept = default;
};

/// The layout of a block, as a raw heap allocates it: `size` bytes (whole words, at least two) at
/// an address `a` for which `a + header_bytes` is a multiple of `align`. So it is the payload
/// behind the header that is aligned, and a block needs no padding inside.
struct BlockLayout {
  std::size_t size = 0;
  std::size_t align = word_bytes;
  std::size_t header_bytes = 0;

  /// The bytes to skip from `address` to the first address that satisfies this layout. O(1).
  [[nodiscard]] constexpr std::size_t padding_at(std::size_t address) const noexcept {
    return (0 - (address + header_bytes)) & (align - 1);
  }

  /// The largest payload, in bytes, whose block size can be rounded up to whole words.
  static constexpr std::size_t max_payload_bytes = SIZE_MAX - 2 * word_bytes + 1;

  /// The size in bytes of the block for a payload of `payload_size` bytes, which must be at most
  /// max_payload_bytes.
  [[nodiscard]] static constexpr std::size_t size_with_header(std::size_t payload_size) noexcept {
    const std::size_t size = (payload_size + 2 * word_bytes - 1) & ~(word_bytes - 1);
    return size < 2 * word_bytes ? 2 * word_bytes : size;
  }

  /// The layout of the block for a payload of `layout` and a header of one word. Errors:
  /// `too_large`, `bad_alignment`.
  [[nodiscard]] static constexpr std::expected<BlockLayout, AllocError> with_header(
      Layout layout) noexcept {
    if (!std::has_single_bit(layout.align)) return std::unexpected(AllocError::bad_alignment);
    if (layout.size > max_payload_bytes) return std::unexpected(AllocError::too_large);
    return BlockLayout{.size = size_with_header(layout.size),
                       .align = layout.align < word_bytes ? word_bytes : layout.align,
                       .header_bytes = word_bytes};
  }

  friend constexpr bool operator==(BlockLayout, BlockLayout) noexcept = default;
};

}  // namespace mneme::inline MNEME_SETTINGS
