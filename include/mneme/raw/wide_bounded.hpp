// purpose: the wide form of the bounded heap, for larger regions: on 32 bits above 128 KiB.
// layer: L1; includes L0, hole_words and bounded.
// threads: one owner at a time.
// invariants: every index of a block or hole is odd, and its number of words is even.
#pragma once

#include <cstddef>

#include "bounded.hpp"
#include "hole_words.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// How a hole is written in the wide form: each link has a word of its own.
///
///     +---------+------+-------------+-------+-------+-----------+-- - --+---------+
///     | next 01 | size | previous    | child | child | parent    | free  | size    |
///     +---------+------+-------------+-------+-------+-----------+-- - --+---------+
///     | next 01 | previous 10 |   two words
///     +---------+-------------+
template <BoundedForm form>
  requires(form.is_wide)
class HoleLinks<form> : public RegionWords {
 public:
  using RegionWords::RegionWords;
  // One link and two flags are a word, on 32 bits; heads of lists have 32 bits.
  static constexpr unsigned link_bits = word_bits == 64 ? 32 : word_bits - 2;
  static constexpr Word link_mask = (Word{1} << link_bits) - 1;

  /// All blocks and holes are multiples of so many words.
  static constexpr Word unit = 2;

  struct Ring {
    Word next;
    Word previous;
  };
  [[nodiscard]] Ring ring(Word hole) const noexcept {
    return {.next = get(hole) >> 2, .previous = get(previous_at(hole)) >> 2};
  }
  void set_next(Word hole, Word next) const noexcept { set(hole, (get(hole) & 3) | next << 2); }
  void set_previous(Word hole, Word previous) const noexcept {
    const Word at = previous_at(hole);
    set(at, (get(at) & 3) | previous << 2);
  }
  /// Writes a hole, but not its children and parent.
  void write(Word hole, Word size, Ring ring) const noexcept {
    set(hole, ring.next << 2 | header::hole);
    if (size == 2) return set(hole + 1, ring.previous << 2 | two_words);
    set(hole + 1, size << 2);
    set(hole + 2, ring.previous << 2);
    set(hole + size - 1, size << 2);
  }

  struct Children {
    std::array<Word, 2> of;  // indexed by the next bit of the size
  };
  [[nodiscard]] Children children(Word hole) const noexcept {
    return {{get(hole + 3) >> 2, get(hole + 4) >> 2}};
  }
  void set_children(Word hole, Children to) const noexcept {
    set(hole + 3, to.of[0] << 2);
    set(hole + 4, to.of[1] << 2);
  }
  [[nodiscard]] Word parent(Word hole) const noexcept { return get(hole + 5) >> 2; }
  void set_parent(Word hole, Word parent) const noexcept { set(hole + 5, parent << 2); }

 protected:
  static constexpr Word one_word = 2;    // beside header::hole: never
  static constexpr Word link_words = 6;  // how many words have links, if the hole is so long
  static constexpr Word trie_words = 8;  // the smallest hole that has them all

  // The size in the second or last word of a hole: the size, or the mark of a hole of two words, of
  // which both are the same word.
  [[nodiscard]] static constexpr Word last_size(Word word) noexcept {
    return (word & 3) == two_words ? 2 : word >> 2;
  }
  [[nodiscard]] Word first_size(Word hole) const noexcept { return last_size(get(hole + 1)); }
  // The size of a hole that must be shorter than `limit`, or 0 if its two sizes are not the same.
  [[nodiscard]] Word peek_size(Word hole, Word limit) const noexcept {
    const Word size = first_size(hole);
    const bool is_good =
        size >= 2 && size % 2 == 0 && size < limit && last_size(get(hole + size - 1)) == size;
    return is_good ? size : 0;
  }

 private:
  static constexpr Word two_words = 2;
  [[nodiscard]] Word previous_at(Word hole) const noexcept {
    return (get(hole + 1) & 3) == two_words ? hole + 1 : hole + 2;
  }
};

/// Up to 4 GiB on 32 bits, 32 GiB on 64 bits. Blocks are rounded up to two words; one whose
/// alignment is above a word must have a header of one word, as all blocks of a heap have.
template <BoundedForm form>
class BasicWideBounded : public BasicBounded<form> {
 public:
  static constexpr const char* name = "bounded-wide";
  using BasicBounded<form>::BasicBounded;

  [[nodiscard]] static std::size_t taken_bytes(const std::byte* /*block*/,
                                               std::size_t size) noexcept {
    return BasicBounded<form>::count_of(size) * word_bytes;
  }
};
using WideBounded = BasicWideBounded<BoundedForm{.is_wide = true}>;

static_assert(RawHeap<WideBounded>);

}  // namespace mneme::inline MNEME_SETTINGS
