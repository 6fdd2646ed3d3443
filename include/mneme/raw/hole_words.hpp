// purpose: access to a bounded heap's region by words, and the layout of a hole.
// layer: L1; includes L0 and header.
// threads: one owner at a time; headers of live blocks are read and changed by header.hpp alone.
// invariants: every hole has its size at both ends, or is marked as one word.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "../check.hpp"
#include "../header.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// How a bounded heap keeps its holes.
///
/// * Fast, the default: one list for each small size, one trie for each power of two.
/// * Small: one trie for all sizes, and no fast paths; for programs that are built for size. The
///   heap object and the code are smaller, and the promises the same; each step costs more.
/// * Wide: a link is a whole word, so that a region may have up to 4 GiB on 32 bits, and 32 GiB on
///   64 bits. Blocks and holes have an even number of words, as a single word has no room for two
///   links. Its header is raw/wide_bounded.hpp.
struct BoundedForm {
  bool is_small = false;
  bool is_wide = false;
};

/// A region as an array of words. An index counts words; index 0 means none.
class RegionWords {
 public:
  using Word = std::size_t;
  static constexpr unsigned word_bits = std::bit_width(~Word{0});

  constexpr RegionWords() noexcept = default;
  explicit RegionWords(std::byte* base) noexcept
      : base_(base), skew_(address_of(base) / word_bytes % 2) {}

  [[nodiscard]] std::byte* base() const noexcept { return base_; }
  /// The index of the first word.
  static constexpr Word first = 1;
  [[nodiscard]] Word index_of(const std::byte* place) const noexcept {
    return (address_of(place) - address_of(base_)) / word_bytes + first;
  }
  [[nodiscard]] std::byte* place(Word at) const noexcept {
    return base_ + (at - first) * word_bytes;
  }
  /// 0 if the payload of a block at `at` is aligned to two words, otherwise 1.
  [[nodiscard]] Word parity(Word at) const noexcept { return (at ^ skew_) & 1; }
  [[nodiscard]] Word get(Word at) const noexcept { return header::load(place(at)); }
  void set(Word at, Word word) const noexcept { header::store(place(at), word); }

 protected:
  std::byte* base_ = nullptr;
  Word skew_ = 0;  // the parity of index 0
};

/// How a hole is written.
///
///     +--------------+------+----------+--------+-- - --+------+
///     | links     01 | size | children | parent | free  | size |     one word:  | links     11 |
///     +--------------+------+----------+--------+-- - --+------+
///
/// The block behind a hole has the bit hole_before in its header, and finds the hole by the size in
/// its last word. A short hole has only the words it needs: one of two words has links and one
/// size. `children` and `parent` exist in holes that are in a trie (see HoleLists).
template <BoundedForm form>
class HoleLinks : public RegionWords {
 public:
  using RegionWords::RegionWords;
  static constexpr unsigned link_bits = (word_bits - 2) / 2;  // two links and two flags are a word
  static constexpr Word link_mask = (Word{1} << link_bits) - 1;

  /// All blocks and holes are multiples of so many words.
  static constexpr Word unit = 1;

  // The hole's first word: its neighbours in the ring of holes of its size.

  struct Ring {
    Word next;
    Word previous;
  };
  [[nodiscard]] Ring ring(Word hole) const noexcept {
    const Word word = get(hole);
    return {.next = word >> 2 & link_mask, .previous = word >> (link_bits + 2)};
  }
  void set_next(Word hole, Word next) const noexcept {
    set(hole, (get(hole) & ~(link_mask << 2)) | next << 2);
  }
  void set_previous(Word hole, Word previous) const noexcept {
    set(hole, (get(hole) & (link_mask << 2 | 3)) | previous << (link_bits + 2));
  }
  /// Writes a hole, but not its children and parent.
  void write(Word hole, Word size, Ring ring) const noexcept {
    const Word links = pack(ring.next, ring.previous) | header::hole;
    if (size == 1) [[unlikely]]
      return set(hole, links | one_word);
    set(hole, links);
    set(hole + 1, size << 2);
    set(hole + size - 1, size << 2);
  }

  // For holes in a trie.

  struct Children {
    std::array<Word, 2> of;  // indexed by the next bit of the size
  };
  [[nodiscard]] Children children(Word hole) const noexcept {
    const Word word = get(hole + 2);
    return {{word >> 2 & link_mask, word >> (link_bits + 2)}};
  }
  void set_children(Word hole, Children to) const noexcept {
    set(hole + 2, pack(to.of[0], to.of[1]));
  }
  [[nodiscard]] Word parent(Word hole) const noexcept { return get(hole + 3) >> 2; }
  void set_parent(Word hole, Word parent) const noexcept { set(hole + 3, parent << 2); }

 protected:
  static constexpr Word one_word = 2;    // beside header::hole: the hole is one word
  static constexpr Word link_words = 4;  // how many words have links, if the hole is so long
  static constexpr Word trie_words = 5;  // the smallest hole that has them all

  // The size of a hole, from its first two words, or from its last.
  [[nodiscard]] Word first_size(Word hole) const noexcept {
    return (get(hole) & one_word) != 0 ? 1 : get(hole + 1) >> 2;
  }
  [[nodiscard]] static Word last_size(Word last) noexcept {
    const Word flags = header::hole | one_word;
    return (last & flags) == flags ? 1 : last >> 2;
  }

 private:
  // Two indices in one word, above two bits of flags.
  [[nodiscard]] static constexpr Word pack(Word low, Word high) noexcept {
    return high << (link_bits + 2) | low << 2;
  }
};

/// The words of a region, and the sizes stored in holes, which are used only if two copies agree.
///
/// Functions that write to the region work on a copy of this object: after each such write the
/// compiler would have to reload the members of a shared one.
template <BoundedForm form>
class HoleWordsOf : public HoleLinks<form> {
  using Links = HoleLinks<form>;
  using Links::one_word;

 public:
  using Links::Links, Links::first, Links::get, Links::set, Links::parent;
  using typename Links::Word;
  /// The smallest size of a hole that is in a trie.
  static constexpr Word large_words = form.is_small ? Links::trie_words : Links::word_bits;

  /// Remembers the header of a new block, for is_block.
  void learn_header(Word header) noexcept { form_.learn(header); }
  [[nodiscard]] bool is_block(Word word) const noexcept {
    // Static in some builds. NOLINTNEXTLINE(readability-static-accessed-through-instance)
    return form_.is_block(word);
  }
  /// Whether a hole can end at `end`: a block must begin there, with the bit hole_before.
  [[nodiscard]] bool is_hole_end(Word end) const noexcept {
    if constexpr (!is_hardened) return true;
    const Word behind = get(end);
    return is_block(behind) && (behind & header::hole_before) != 0;
  }

  /// Clears the links and sizes of a hole that was unlisted, in hardened builds. Its first word
  /// keeps the bit header::hole.
  void wipe(Word hole, Word size) const noexcept {
    if constexpr (!is_hardened) return;
    set(hole, header::hole);
    set(hole + size - 1, size == 1 ? header::hole : 0);
    for (Word at = 1; at < Links::link_words && at < size; ++at) set(hole + at, 0);
  }

  // Sizes. Each is in two places: checked builds compare the two before they use one.

  /// Whether a hole may begin at `at`: there is a block between every hole and `top`.
  [[nodiscard]] bool has(Word at, Word top) const noexcept { return at >= first && at + 1 < top; }

  /// The size of the hole at `hole`, or 0 if there is none. All holes are before `top`.
  [[nodiscard]] Word peek_size(Word hole, Word top) const noexcept {
    if (!has(hole, top)) return 0;
    const Word word = get(hole);
    if ((word & header::hole) == 0) return 0;
    if constexpr (form.is_wide) {
      const Word size = Links::peek_size(hole, top - hole);
      return size != 0 && is_hole_end(hole + size) ? size : 0;
    }
    if ((word & one_word) != 0) {
      return is_hole_end(hole + 1) ? 1 : 0;
    }
    const Word size = get(hole + 1) >> 2;
    const bool is_good = size >= 2 && size < top - hole && get(hole + size - 1) >> 2 == size &&
                         is_hole_end(hole + size);
    return is_good ? size : 0;
  }
  [[nodiscard]] Word size_of(Word hole, Word top) const noexcept {
    if constexpr (checks_enabled) {
      const Word size = peek_size(hole, top);
      if (size == 0) [[unlikely]]
        smashed(hole);
      return size;
    }
    return Links::first_size(hole);
  }
  /// The size of the hole that is a child of the node `above`, or a root if that is 0. Checked
  /// builds compare its parent; its end is left to expect_size, but for hardened builds.
  [[nodiscard]] Word size_below(Word above, Word hole, Word top) const noexcept {
    if constexpr (checks_enabled) {
      const bool is_node = hole >= first && hole + large_words < top &&
                           (get(hole) & (header::hole | one_word)) == header::hole &&
                           parent(hole) == above &&
                           (!is_hardened || peek_size(hole, top) >= large_words);
      if (!is_node) [[unlikely]]
        smashed(hole);
    }
    return get(hole + 1) >> 2;
  }
  /// Stops the program, in checked builds, unless the hole has the size of its list.
  void expect_size(Word hole, Word size, Word top) const noexcept {
    if (checks_enabled && peek_size(hole, top) != size) [[unlikely]]
      smashed(hole);
  }
  /// The size of the hole that ends before `at`.
  [[nodiscard]] Word size_before(Word at, Word top) const noexcept {
    const Word size = Links::last_size(get(at - 1));
    if (checks_enabled && (size > at - first || size != peek_size(at - size, top))) [[unlikely]]
      smashed(at - 1);
    return size;
  }

  [[noreturn, gnu::noinline, gnu::cold]] void smashed(Word at) const noexcept {
    FatalLine{}
        .text("smashed hole at offset ")
        .number((at - first) * word_bytes)
        .text(": free memory was written")
        .stop();
  }

 private:
  [[no_unique_address]] header::Form form_{};
};

}  // namespace mneme::inline MNEME_SETTINGS
