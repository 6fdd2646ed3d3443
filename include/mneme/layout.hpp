// purpose: sizes and alignments, with arithmetic that reports overflow instead of wrapping (P7).
// layer: L0; includes L0.
// threads: any; plain values, all constexpr.
// invariants: no function here wraps; each says so by std::nullopt or AllocError.
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

/// a + b, or nothing if that overflows.
[[nodiscard]] constexpr std::optional<std::size_t> checked_add(std::size_t a,
                                                               std::size_t b) noexcept {
  std::size_t sum = 0;
  if (__builtin_add_overflow(a, b, &sum)) return std::nullopt;
  return sum;
}

/// a × b, or nothing if that overflows.
[[nodiscard]] constexpr std::optional<std::size_t> checked_multiply(std::size_t a,
                                                                    std::size_t b) noexcept {
  std::size_t product = 0;
  if (__builtin_mul_overflow(a, b, &product)) return std::nullopt;
  return product;
}

/// The smallest multiple of `unit` (a power of two) that is at least `size`, or nothing if that
/// overflows.
[[nodiscard]] constexpr std::optional<std::size_t> round_up(std::size_t size,
                                                            std::size_t unit) noexcept {
  const auto sum = checked_add(size, unit - 1);
  if (!sum) return std::nullopt;
  return *sum & ~(unit - 1);
}

/// A pointer's address, to be inspected; no pointer is ever made from a number.
[[nodiscard]] inline std::size_t address_of(const void* place) noexcept {
  return std::bit_cast<std::uintptr_t>(place);
}

/// What a user asks for: a size in bytes (zero is legal) and an alignment (a power of two).
struct Layout {
  std::size_t size = 0;
  std::size_t align = alignof(std::max_align_t);

  /// The layout of one T.
  template <class T>
  [[nodiscard]] static constexpr Layout of() noexcept {
    return {sizeof(T), alignof(T)};
  }

  /// The layout of `count` T in a row, or `too_large` if count × size overflows.
  template <class T>
  [[nodiscard]] static constexpr std::expected<Layout, AllocError> array(
      std::size_t count) noexcept {
    const auto size = checked_multiply(count, sizeof(T));
    if (!size) return std::unexpected(AllocError::too_large);
    return Layout{*size, alignof(T)};
  }

  friend constexpr bool operator==(Layout, Layout) noexcept = default;
};

/// What a raw heap is asked for: `size` bytes (a multiple of the word, at least two words) at an
/// address `a` for which `a + header_bytes` is a multiple of `align`. The lead is the header's: the
/// payload is what gets aligned, so that no alignment costs padding inside the block.
struct BlockLayout {
  std::size_t size = 0;
  std::size_t align = word_bytes;
  std::size_t header_bytes = 0;

  /// The bytes to skip from `address` to the first place that satisfies this layout. O(1).
  [[nodiscard]] constexpr std::size_t padding_at(std::size_t address) const noexcept {
    return (0 - (address + header_bytes)) & (align - 1);
  }

  /// The block for a payload of `layout` behind a header of one word. Errors: `too_large`,
  /// `bad_alignment`.
  [[nodiscard]] static constexpr std::expected<BlockLayout, AllocError> with_header(
      Layout layout) noexcept {
    if (!std::has_single_bit(layout.align)) return std::unexpected(AllocError::bad_alignment);
    const auto whole = checked_add(layout.size, word_bytes);
    const auto size = whole ? round_up(*whole, word_bytes) : std::nullopt;
    if (!size) return std::unexpected(AllocError::too_large);
    return BlockLayout{.size = *size < 2 * word_bytes ? 2 * word_bytes : *size,
                       .align = layout.align < word_bytes ? word_bytes : layout.align,
                       .header_bytes = word_bytes};
  }

  friend constexpr bool operator==(BlockLayout, BlockLayout) noexcept = default;
};

}  // namespace mneme::inline MNEME_SETTINGS
