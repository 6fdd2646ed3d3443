// purpose: the holes of a bounded heap, inside the holes themselves: written, listed and searched.
// layer: L1; includes L0 and header.
// threads: one owner at a time.
// invariants: every hole is in the one list of its size, and every list is in order; see the class.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "../check.hpp"
#include "../header.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// The holes of one region, each written into its own words. Places are counted in words and called
/// indices; 0 is none.
///
///     +--------------+------+----------+--------+-- - --+------+
///     | links     01 | size | children | parent | free  | size |     one word:  | links     11 |
///     +--------------+------+----------+--------+-- - --+------+
///
/// * Links lead to the next and the previous hole of the same size, in a ring. All are in it, those
///   of one word too, so that every one is found and merged.
/// * Small sizes have a bin each. Larger ones have a trie for each power of two, whose nodes have
///   children by the next bit of the size; the second hole of a size is in the ring of the first.
/// * The size in the last word is how the block behind finds the hole, if its header has the bit
///   hole_before. A hole has no room for more than it needs: two words hold links and one size.
///
/// In each ring holes at even indices come first: there the payload of a block is aligned to two
/// words. So a look at the head shows whether a hole of just the right size can take such a block;
/// any larger hole can.
///
/// link, unlink and find take a few steps for each bit of a size at most.
class HoleLists {
 protected:
  using Word = std::size_t;
  using Index = std::uint32_t;
  static constexpr unsigned word_bits = std::bit_width(~Word{0});
  static constexpr unsigned link_bits = (word_bits - 2) / 2;  // two links and two flags are a word
  static constexpr Word link_mask = (Word{1} << link_bits) - 1;

  constexpr HoleLists() noexcept = default;
  ~HoleLists() = default;

  // Words.

  [[nodiscard]] std::byte* place(Word at) const noexcept {
    return base_ + (at - first_) * word_bytes;
  }
  [[nodiscard]] Word load(Word at) const noexcept { return header::load(place(at)); }
  void store(Word at, Word word) noexcept { header::store(place(at), word); }

  // Sizes. Each is in two places: checked builds compare them before they believe one.

  [[nodiscard]] Word peek_size(Word hole) const noexcept {
    if (hole < first_ || hole >= top_) return 0;
    const Word word = load(hole);
    if ((word & header::hole) == 0) return 0;
    if ((word & one_word) != 0) return 1;
    const Word size = load(hole + 1) >> 2;
    if constexpr (checks_enabled) {
      if (size < 2 || size >= top_ - hole || load(hole + size - 1) >> 2 != size) return 0;
    }
    return size;
  }
  [[nodiscard]] Word size_of(Word hole) const noexcept {
    const Word size = peek_size(hole);
    if (checks_enabled && size == 0) [[unlikely]]
      smashed(hole);
    return size;
  }
  // Of the hole that ends before `at`.
  [[nodiscard]] Word size_before(Word at) const noexcept {
    const Word last = load(at - 1);
    const Word size =
        (last & (header::hole | one_word)) == (header::hole | one_word) ? 1 : last >> 2;
    if (checks_enabled && (size > at - first_ || size != peek_size(at - size))) [[unlikely]]
      smashed(at - 1);
    return size;
  }

  /// Writes and lists a hole.
  void link(Word hole, Word size) noexcept {
    set_size(hole, size);
    if (size >= bins) return link_large(hole, size);
    Index& head = bin_heads_[size];
    if ((bin_map_ >> size & 1) == 0) {
      bin_map_ |= Word{1} << size;
      set_ring(hole, {hole, hole});
      head = static_cast<Index>(hole);
      return;
    }
    insert_before(hole, head);
    if (hole % 2 == 0 || head % 2 != 0) head = static_cast<Index>(hole);
  }
  void unlink(Word hole, Word size) noexcept {
    if (size >= bins) return unlink_large(hole, size);
    const Ring own = ring(hole);
    if (own.next == hole) {
      bin_map_ &= ~(Word{1} << size);
      return;
    }
    leave_ring(hole, own);
    if (bin_heads_[size] == hole) bin_heads_[size] = static_cast<Index>(own.next);
  }

  // The smallest hole for so many words; with two = 1, from an even index on. 0: none.
  [[nodiscard]] Word find(Word words, Word two) const noexcept {
    if (words >= bins) return find_large(words, two);
    Word map = bin_map_ & (~Word{0} << words);
    if (two != 0 && (map >> words & 1) != 0 && bin_heads_[words] % 2 != 0) map &= map - 1;
    if (map != 0) return bin_heads_[static_cast<unsigned>(std::countr_zero(map))];
    return class_map_ != 0 ? least(roots_[static_cast<unsigned>(std::countr_zero(class_map_))]) : 0;
  }
  // Calls f(hole, size or 0 if not known from the list) for each listed hole while it returns true.
  template <class F>
  void walk(F f) const noexcept {
    const auto ring_of = [&](Word head, Word size) {
      for (Word hole = head;;) {
        if (!f(hole, size)) return false;
        hole = ring(hole).next;
        if (hole == head) return true;
      }
    };
    for (Word size = 1; size < bins; ++size) {
      if ((bin_map_ >> size & 1) != 0 && !ring_of(bin_heads_[size], size)) return;
    }
    for (unsigned kind = 0; kind < classes; ++kind) {
      if ((class_map_ >> kind & 1) == 0) continue;
      for (Word node = roots_[kind]; node != 0; node = next_node(node)) {
        if (!ring_of(node, 0)) return;
      }
    }
  }
  template <class F>
  void for_each_listed(F f) const noexcept {
    walk([&](Word hole, Word /*expected_size*/) {
      f(hole, size_of(hole));
      return true;
    });
  }

  std::byte* base_ = nullptr;
  Word first_ = 0;  // the index of the first word: 1 or 2, so that an even one precedes an aligned
                    // payload
  Word top_ = 0;    // all holes are before it

 private:
  static constexpr Word one_word = 2;               // beside header::hole: the hole is one word
  static constexpr Word in_a_ring = ~Word{0} >> 2;  // the parent of a hole that is not in a trie
  static constexpr Word bins = word_bits;           // sizes below have a bin each
  static constexpr unsigned first_class = std::countr_zero(bins);
  static constexpr unsigned classes = link_bits + 1 - first_class;

  struct Ring {
    Word next;
    Word previous;
  };
  struct Children {
    std::array<Word, 2> of;  // by the next bit of the size
  };

  [[nodiscard]] static constexpr Word pack(Word low, Word high, Word flags) noexcept {
    return high << (link_bits + 2) | low << 2 | flags;
  }
  [[nodiscard]] Ring ring(Word hole) const noexcept {
    const Word word = load(hole);
    return {.next = word >> 2 & link_mask, .previous = word >> (link_bits + 2)};
  }
  void set_ring(Word hole, Ring ring) noexcept {
    store(hole, pack(ring.next, ring.previous, load(hole) & (header::hole | one_word)));
  }
  void set_next(Word hole, Word next) noexcept { set_ring(hole, {next, ring(hole).previous}); }
  void set_previous(Word hole, Word previous) noexcept {
    set_ring(hole, {ring(hole).next, previous});
  }
  [[nodiscard]] Children children(Word hole) const noexcept {
    const Word word = load(hole + 2);
    return {{word >> 2 & link_mask, word >> (link_bits + 2)}};
  }
  void set_children(Word hole, Children to) noexcept {
    store(hole + 2, pack(to.of[0], to.of[1], 0));
  }
  [[nodiscard]] Word parent(Word hole) const noexcept { return load(hole + 3) >> 2; }
  void set_parent(Word hole, Word parent) noexcept { store(hole + 3, parent << 2); }

  void set_size(Word hole, Word size) noexcept {
    if (size == 1) {
      store(hole, header::hole | one_word);
    } else {
      store(hole, header::hole);
      store(hole + 1, size << 2);
      store(hole + size - 1, size << 2);
    }
  }
  [[noreturn, gnu::noinline, gnu::cold]] void smashed(Word at) const noexcept {
    FatalLine{}
        .text("smashed hole at offset ")
        .number((at - first_) * word_bytes)
        .text(": free memory was written")
        .stop();
  }

  [[nodiscard]] static unsigned class_of(Word size) noexcept {
    return static_cast<unsigned>(std::bit_width(size)) - 1 - first_class;
  }
  // The bits of a size below its first, the next one in front.
  [[nodiscard]] static Word path_of(Word size) noexcept {
    return size << (word_bits - static_cast<unsigned>(std::bit_width(size)) + 1);
  }

  void insert_before(Word hole, Word next) noexcept {
    const Word previous = ring(next).previous;
    set_ring(hole, {next, previous});
    set_previous(next, hole);
    set_next(previous, hole);
  }
  void leave_ring(Word hole, Ring own) noexcept {
    if constexpr (checks_enabled) {
      const bool known = peek_size(own.next) != 0 && peek_size(own.previous) != 0 &&
                         ring(own.next).previous == hole && ring(own.previous).next == hole;
      if (!known) [[unlikely]]
        smashed(hole);
    }
    set_next(own.previous, own.next);
    set_previous(own.next, own.previous);
  }

  [[gnu::noinline]] void link_large(Word hole, Word size) noexcept {
    const unsigned kind = class_of(size);
    set_children(hole, {});
    set_ring(hole, {hole, hole});
    set_parent(hole, 0);
    if ((class_map_ >> kind & 1) == 0) {
      class_map_ |= Word{1} << kind;
      roots_[kind] = static_cast<Index>(hole);
      return;
    }
    Word path = path_of(size);
    for (Word node = roots_[kind];;) {
      if (size_of(node) == size) {  // even indices directly behind the node, odd ones last
        insert_before(hole, hole % 2 == 0 ? ring(node).next : node);
        set_parent(hole, in_a_ring);
        return;
      }
      const std::size_t side = path >> (word_bits - 1);
      Children below = children(node);
      if (below.of[side] == 0) {
        below.of[side] = hole;
        set_children(node, below);
        set_parent(hole, node);
        return;
      }
      node = below.of[side];
      path <<= 1;
    }
  }
  [[gnu::noinline]] void unlink_large(Word hole, Word size) noexcept {
    const Ring own = ring(hole);
    if (own.next != hole) leave_ring(hole, own);
    if (parent(hole) == in_a_ring) return;
    const Word heir = own.next != hole ? own.next : take_leaf(hole);
    replace(hole, heir, class_of(size));
  }
  // Takes a leaf below a node out of the trie; 0 if the node is one.
  [[nodiscard]] Word take_leaf(Word node) noexcept {
    Word above = 0;
    std::size_t side = 0;
    Word leaf = node;
    for (Children below = children(node); (below.of[0] | below.of[1]) != 0;
         below = children(leaf)) {
      above = leaf;
      side = below.of[1] != 0 ? 1 : 0;
      leaf = below.of[side];
      (void)size_of(leaf);
    }
    if (above == 0) return 0;
    Children rest = children(above);
    rest.of[side] = 0;
    set_children(above, rest);
    return leaf;
  }
  // Puts `heir` (0: nothing) in the place of a node.
  void replace(Word node, Word heir, unsigned kind) noexcept {
    const Word above = parent(node);
    if (heir != 0) {
      const Children below = children(node);
      set_children(heir, below);
      set_parent(heir, above);
      for (const Word child : below.of) {
        if (child == 0) continue;
        (void)size_of(child);
        set_parent(child, heir);
      }
    }
    if (above != 0) {
      (void)size_of(above);
      Children of_above = children(above);
      of_above.of[of_above.of[1] == node ? 1 : 0] = heir;
      set_children(above, of_above);
    } else {
      roots_[kind] = static_cast<Index>(heir);
      if (heir == 0) class_map_ &= ~(Word{1} << kind);
    }
  }

  [[nodiscard, gnu::noinline]] Word find_large(Word words, Word two) const noexcept {
    if (words >= link_mask) return 0;
    const unsigned kind = class_of(words);
    Word best = 0;
    Word best_size = ~Word{0};
    Word larger = 0;  // the last subtree beside the path, all of whose sizes are larger
    Word path = path_of(words);
    for (Word node = (class_map_ >> kind & 1) != 0 ? roots_[kind] : 0; node != 0; path <<= 1) {
      const Word size = size_of(node);
      if (size == words) {
        if (two == 0 || node % 2 == 0) return node;
        if (const Word next = ring(node).next; next % 2 == 0) return next;
      } else if (size > words && size < best_size) {
        best = node;
        best_size = size;
      }
      const Children below = children(node);
      const std::size_t side = path >> (word_bits - 1);
      if (side == 0 && below.of[1] != 0) larger = below.of[1];
      node = below.of[side];
    }
    if (larger != 0) {
      const Word candidate = least(larger);
      if (size_of(candidate) < best_size) best = candidate;
    }
    if (best != 0) return best;
    const Word above = class_map_ >> kind >> 1;
    return above != 0 ? least(roots_[kind + 1 + static_cast<unsigned>(std::countr_zero(above))])
                      : 0;
  }
  // The smallest hole of a trie.
  [[nodiscard]] Word least(Word node) const noexcept {
    Word best = node;
    Word best_size = size_of(node);
    for (;;) {
      const Children below = children(node);
      node = below.of[0] != 0 ? below.of[0] : below.of[1];
      if (node == 0) return best;
      if (const Word size = size_of(node); size < best_size) {
        best = node;
        best_size = size;
      }
    }
  }

  // In order, a node before what is below it.
  [[nodiscard]] Word next_node(Word node) const noexcept {
    const Children below = children(node);
    if (below.of[0] != 0) return below.of[0];
    if (below.of[1] != 0) return below.of[1];
    for (Word above = parent(node); above != 0; node = above, above = parent(above)) {
      const Children beside = children(above);
      if (beside.of[0] == node && beside.of[1] != 0) return beside.of[1];
    }
    return 0;
  }
  Word bin_map_ = 0;
  Word class_map_ = 0;
  std::array<Index, bins> bin_heads_{};
  std::array<Index, classes> roots_{};
};

}  // namespace mneme::inline MNEME_SETTINGS
