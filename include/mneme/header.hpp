// purpose: the word before each payload: the address of its heap, and flags about the block.
// layer: L1; includes L0.
// threads: see the table; each access is one relaxed atomic operation.
// invariants: P10 (one word), P12 (tags); the address in a live block's header never changes.
#pragma once

#include <bit>
#include <cstddef>
#include <type_traits>

#include "check.hpp"
#include "instrument.hpp"
#include "layout.hpp"

// The thread that frees a block reads its header while the heap's owner may change a bit of it.
// Unpoisoning and poisoning it for each access would race; so the tools do not check these
// accesses.
#if defined(MNEME_ASAN) || defined(MNEME_TYSAN)
#define MNEME_UNWATCHED [[gnu::noinline, MNEME_NO_SANITIZE]]
#else
#define MNEME_UNWATCHED
#endif
#ifdef MNEME_TYSAN
#define MNEME_NO_SANITIZE gnu::no_sanitize("type")
#else
#define MNEME_NO_SANITIZE gnu::no_sanitize("address")
#endif

/// A header word, on 32 and on 64 bits:
///
///     | address of the heap, or of its anchor | size tag | deferred | hole before | hole |
///                                               bits 3–5   bit 2      bit 1         bit 0
///
/// | bits        | builds  | set and cleared by                                              |
/// |-------------|---------|-----------------------------------------------------------------|
/// | hole        | all     | the heap's owner: free memory begins here; 0 in a live block    |
/// | hole before | all     | the heap's owner, also while the block is live or deferred      |
/// | deferred    | checked | whoever defers the block, by fetch_or: a second time is detected |
/// | size tag    | checked | the heap's owner, at the grant and at a resize; reallocate      |
///
/// In hardened builds the bits 2–5 are constant. An overflow of the block before reaches the low
/// bits first; so these are the ones whose values are known, to compare when that block is freed.
/// `deferred` and the size tag are in the highest bits instead; the tag has 15 bits on 64-bit
/// targets, 7 on 32-bit ones. And no address read from a header is ever followed.
///
/// No two threads write the same bit at the same time. In checked builds two threads may change
/// different bits, so they do it by read-modify-writes; in unchecked builds only the owner writes.
namespace mneme::inline MNEME_SETTINGS::header {

inline constexpr std::size_t hole = 1;
inline constexpr std::size_t hole_before = 2;
/// An address in a header is a multiple of this.
inline constexpr std::size_t tag_space = checks_enabled ? 64 : 4;
/// The bits 2–5 in hardened builds. They are not all 0, so that a header's first byte is never 0.
inline constexpr std::size_t constant = is_hardened ? 0x34 : 0;

// The size tag, and the bit `deferred` beside it.
inline constexpr unsigned word_bits = std::bit_width(~std::size_t{0});
inline constexpr std::size_t size_tags =
    !is_hardened ? 8 : std::size_t{1} << (word_bits == 64 ? 15 : 7);
inline constexpr std::size_t size_tag_unit =
    !is_hardened ? 8 : (~std::size_t{0} / 2 + 1) / size_tags;
inline constexpr std::size_t deferred = !is_hardened ? 4 : ~std::size_t{0} / 2 + 1;

/// The bits of a header that identify its heap.
inline constexpr std::size_t heap_mask =
    !is_hardened ? ~(tag_space - 1)
                 : ~(hole | hole_before | deferred | (size_tags - 1) * size_tag_unit);

/// The tag of a block of `size` bytes, in place for its header. 0 in unchecked builds.
[[nodiscard]] constexpr std::size_t size_tag(std::size_t size) noexcept {
  return checks_enabled ? size / word_bytes % size_tags * size_tag_unit : 0;
}

/// Whether two headers are of blocks of the same heap.
[[nodiscard]] constexpr bool same_heap(std::size_t a, std::size_t b) noexcept {
  return ((a ^ b) & heap_mask) == 0;
}

/// Knows in hardened builds what the headers of all blocks of a raw heap have in common; in other
/// builds it knows nothing, and takes no memory.
class UnknownForm {
 public:
  void learn(std::size_t /*header*/) noexcept {}
  [[nodiscard]] static bool is_block(std::size_t /*word*/) noexcept { return true; }
};
class KnownForm {
 public:
  void learn(std::size_t header) noexcept { header_ = header; }
  /// Whether `word` is the header of a live or deferred block. Always true in other builds.
  [[nodiscard]] bool is_block(std::size_t word) const noexcept {
    return same_heap(word, header_) && (word & hole) == 0;
  }

 private:
  std::size_t header_ = 0;
};
using Form = std::conditional_t<is_hardened, KnownForm, UnknownForm>;

/// Reads the word at `place`, which need not be a header.
[[nodiscard]] MNEME_UNWATCHED inline std::size_t load(const std::byte* place) noexcept {
  [[maybe_unused]] const instrument::Unreported access;
  // Relaxed: no other thread changes the bits that the caller looks at; publishes nothing.
  std::size_t word = __atomic_load_n(reinterpret_cast<const std::size_t*>(place), __ATOMIC_RELAXED);
  instrument::mark_initialised(&word, sizeof word);
  return word;
}

/// The address in the header at `place`, without a check that it is that of a heap.
[[nodiscard]] MNEME_UNWATCHED inline std::byte* load_address(const std::byte* place) noexcept {
  [[maybe_unused]] const instrument::Unreported access;
  // Relaxed: it never changes while the caller owns the block; publishes nothing.
  std::byte* const tagged =
      __atomic_load_n(reinterpret_cast<std::byte* const*>(place), __ATOMIC_RELAXED);
  return tagged - address_of(tagged) % tag_space;
}

MNEME_UNWATCHED inline void store(std::byte* place, std::size_t word) noexcept {
  [[maybe_unused]] const instrument::Unreported access;
  // Relaxed: the grant publishes it; publishes nothing by itself.
  __atomic_store_n(reinterpret_cast<std::size_t*>(place), word, __ATOMIC_RELAXED);
}

/// Sets bits, and returns the word before the change.
MNEME_UNWATCHED inline std::size_t set(std::byte* place, std::size_t bits) noexcept {
  [[maybe_unused]] const instrument::Unreported access;
  auto* const word = reinterpret_cast<std::size_t*>(place);
  // Relaxed: see the table; publishes nothing.
  if constexpr (checks_enabled) return __atomic_fetch_or(word, bits, __ATOMIC_RELAXED);
  const std::size_t old = __atomic_load_n(word, __ATOMIC_RELAXED);
  __atomic_store_n(word, old | bits, __ATOMIC_RELAXED);
  return old;
}

MNEME_UNWATCHED inline void clear(std::byte* place, std::size_t bits) noexcept {
  [[maybe_unused]] const instrument::Unreported access;
  auto* const word = reinterpret_cast<std::size_t*>(place);
  if constexpr (checks_enabled) {
    // Relaxed: see the table; publishes nothing.
    (void)__atomic_fetch_and(word, ~bits, __ATOMIC_RELAXED);
  } else {
    __atomic_store_n(word, __atomic_load_n(word, __ATOMIC_RELAXED) & ~bits, __ATOMIC_RELAXED);
  }
}

}  // namespace mneme::inline MNEME_SETTINGS::header
