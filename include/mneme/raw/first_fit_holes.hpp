// purpose: how first fit describes a hole in its own bytes.
// layer: L1; includes L0.
// threads: none; one owner at a time.
// invariants: checked builds use nothing that they read from a hole before it is plausible.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "../check.hpp"
#include "../header.hpp"
#include "../instrument.hpp"
#include "../layout.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// The part of first fit that reads and writes its list of holes.
///
/// A hole is described in its own bytes. Its first word is the offset of the next hole. As offsets
/// are multiples of a word, two bits are free: bit 0 distinguishes a hole from a block's header,
/// and bit 1 marks a hole of a single word; a longer one has its size in its second word:
///
///     +------------------+--------+-- - --+        +------------------+
///     | next offset | 01 |  size  | free  |        | next offset | 11 |
///     +------------------+--------+-- - --+        +------------------+
///
/// In checked builds the size in the second word is mixed with the next offset, so that a change of
/// either is detected, and a block must begin behind a hole. In hardened builds a hole of three
/// words or more has its size in its last word as well, and the block behind a hole has the bit
/// header::hole_before.
class FirstFitHoles {
 protected:
  static constexpr std::size_t none = SIZE_MAX;
  static constexpr std::size_t one_word_flag = 2;

  struct Hole {
    std::size_t size;
    std::size_t next;
  };

  constexpr FirstFitHoles() noexcept = default;
  ~FirstFitHoles() = default;

  [[nodiscard]] std::size_t read_word(std::size_t at) const noexcept {
    const instrument::ScopedUnpoison window(base_ + at, word_bytes);
    std::size_t word = 0;
    __builtin_memcpy(&word, base_ + at, word_bytes);
    return word;
  }
  void write_word(std::size_t at, std::size_t word) noexcept {
    const instrument::ScopedUnpoison window(base_ + at, word_bytes);
    __builtin_memcpy(base_ + at, &word, word_bytes);
  }

  // Reads the words at `at` as a hole; size 0 if they cannot be one.
  [[nodiscard]] Hole peek_hole(std::size_t at) const noexcept {
    const std::size_t first = read_word(at);
    const std::size_t next = first & ~(header::hole | one_word_flag);
    if ((first & header::hole) == 0) return {0, next};
    if ((first & one_word_flag) != 0) return {word_bytes, next};
    if (capacity_ - at < 2 * word_bytes) return {0, next};
    return {read_word(at + word_bytes) ^ mixed(next), next};
  }
  // Checked builds mix this into a size, so that a change of the link in front of it is detected.
  [[nodiscard]] static constexpr std::size_t mixed(std::size_t next) noexcept {
    return checks_enabled ? next * static_cast<std::size_t>(0x9E37'79B9'7F4A'7C15) : 0;
  }
  [[nodiscard]] bool plausible(std::size_t at, Hole hole) const noexcept {
    return hole.size >= word_bytes && hole.size % word_bytes == 0 && hole.size <= capacity_ - at &&
           hole.next <= capacity_ && hole.next % word_bytes == 0 && hole.next >= at + hole.size &&
           (!checks_enabled || agrees(at, hole));
  }
  // Whether the words beside a hole agree with it.
  [[nodiscard]] bool agrees(std::size_t at, Hole hole) const noexcept {
    const std::size_t end = at + hole.size;
    if constexpr (is_hardened) {
      if (hole.size > 2 * word_bytes && read_word(end - word_bytes) != hole.size) return false;
      if (hole.next < capacity_ && (read_word(hole.next) & header::hole) == 0) return false;
    }
    if (end == capacity_) return true;
    const std::size_t behind = header::load(base_ + end);
    // Static in some builds. NOLINTNEXTLINE(readability-static-accessed-through-instance)
    return form_.is_block(behind) && (!is_hardened || (behind & header::hole_before) != 0);
  }
  // Dangling pointers can reach the holes, so checked builds verify each one before they use it.
  [[nodiscard]] Hole read_hole(std::size_t at) const noexcept {
    const Hole hole = peek_hole(at);
    if constexpr (checks_enabled) {
      if (!plausible(at, hole)) {
        FatalLine{}
            .text("smashed hole at offset ")
            .number(at)
            .text(": free memory was written")
            .stop();
      }
    }
    return hole;
  }
  void write_hole(std::size_t at, std::size_t size, std::size_t next) noexcept {
    if (size == word_bytes) {
      write_word(at, next | header::hole | one_word_flag);
    } else {
      write_word(at, next | header::hole);
      write_word(at + word_bytes, size ^ mixed(next));
      if (is_hardened && size > 2 * word_bytes) write_word(at + size - word_bytes, size);
    }
  }
  // Clears the links of a hole that is no longer one.
  void wipe(std::size_t at, std::size_t size) noexcept {
    write_word(at, header::hole);
    if (size > word_bytes) write_word(at + word_bytes, 0);
    write_word(at + size - word_bytes, 0);
  }
  void set_next(std::size_t at, std::size_t next) noexcept {
    if (at == none) {
      first_ = next;
    } else if (checks_enabled) {
      write_hole(at, peek_hole(at).size, next);
    } else {
      write_word(at, next | header::hole | (read_word(at) & one_word_flag));
    }
  }

  std::byte* base_ = nullptr;
  std::size_t capacity_ = 0;
  std::size_t first_ = 0;  // the offset of the first hole; the capacity if there is none
  [[no_unique_address]] std::conditional_t<checks_enabled, header::KnownForm, header::UnknownForm>
      form_{};
};

}  // namespace mneme::inline MNEME_SETTINGS
