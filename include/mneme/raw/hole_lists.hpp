// purpose: lists of the holes of a bounded heap, by size.
// layer: L1; includes L0 and hole_words.
// threads: one owner at a time.
// invariants: every hole is in the list of its size, in the order that the class describes.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "../settings.hpp"
#include "hole_words.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// The lists of holes.
///
/// * Holes of the same size are linked in a ring. Every hole is in one, even those of one word, so
///   that all can be found and merged.
/// * Each small size has a bin. Larger sizes have a trie for each power of two. A node has two
///   children, one for each value of the next bit of the size; only the first hole of a size is a
///   node, the others are in its ring. The small form has bins only for holes with no room for a
///   node, and one trie.
///
/// In each ring those holes come first in which a block has a payload that is aligned to two words
/// (parity 0). So the first hole of a ring shows whether any hole of exactly that size can hold
/// such a block; a larger hole always can.
///
/// link, unlink and find take at most a few steps per bit of the size.
template <BoundedForm form>
class HoleListsOf {
 protected:
  using HoleWords = HoleWordsOf<form>;
  using Word = HoleWords::Word;
  using Ring = HoleWords::Ring;
  using Children = HoleWords::Children;
  using Index = std::conditional_t<(HoleWords::link_bits <= 16), std::uint16_t, std::uint32_t>;

  /// A hole and its size; both 0: none.
  struct Found {
    Word hole;
    Word size;
  };

  constexpr HoleListsOf() noexcept = default;
  ~HoleListsOf() = default;

  /// 0 if there are no holes.
  [[nodiscard]] Word hole_maps() const noexcept { return bin_map_ | class_map_; }

  /// Writes and lists a hole.
  MNEME_HOT void link(Word hole, Word size) noexcept {
    const HoleWords words = words_;
    if (size >= bins) [[unlikely]]
      return link_large(words, hole, size);
    Index& head = bin_heads_[size];
    if ((bin_map_ >> size & 1) == 0) [[likely]] {
      bin_map_ |= Word{1} << size;
      head = static_cast<Index>(hole);
      words.write(hole, size, {hole, hole});
      return;
    }
    insert_before(words, hole, size, head);
    if (words.parity(hole) == 0 || words.parity(head) != 0) head = static_cast<Index>(hole);
  }
  /// `is_head`: it is the first of its list.
  MNEME_HOT void unlink(Found found, bool is_head = false) noexcept {
    const HoleWords words = words_;
    const auto [hole, size] = found;
    if (size >= bins) [[unlikely]]
      return unlink_large(words, found);
    const Ring own = words.ring(hole);
    if (is_alone(own, hole)) [[likely]] {
      if (checks_enabled && !is_head && (bin_heads_[size] != hole || (bin_map_ >> size & 1) == 0))
          [[unlikely]]
        words.smashed(hole);
      bin_map_ &= ~(Word{1} << size);
      return words.wipe(hole, size);
    }
    leave_ring(words, hole, own);
    if (bin_heads_[size] == hole) bin_heads_[size] = static_cast<Index>(own.next);
    words.wipe(hole, size);
  }

  // The smallest hole for a block of `words` words; with two = 1, for an aligned one.
  [[nodiscard]] MNEME_HOT Found find(Word words, Word two) const noexcept {
    if (words >= bins) [[unlikely]]
      return find_large(words, two);
    Word map = bin_map_ & (~Word{0} << words);
    if (two != 0 && (map >> words & 1) != 0 && words_.parity(bin_heads_[words]) != 0)
      map &= map - 1;
    if (map == 0) return find_least();
    const auto size = static_cast<unsigned>(std::countr_zero(map));
    return compared({bin_heads_[size], size});
  }

  // Calls f(hole, size) for each listed hole until it returns false; size is 0 for holes in a trie.
  template <class F>
  void walk(F f) const noexcept {
    const auto ring_of = [&](Word head, Word size) {
      for (Word hole = head;;) {
        if (!f(hole, size)) return false;
        hole = words_.ring(hole).next;
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
      f(hole, words_.size_of(hole, top_));
      return true;
    });
  }

  /// Each size below this number of words has a bin.
  static constexpr Word small_sizes = HoleWords::large_words;

  HoleWords words_;
  Word top_ = HoleWords::first;  // all holes are before it

 private:
  static constexpr unsigned word_bits = HoleWords::word_bits;
  static constexpr Word in_a_ring = ~Word{0} >> 2;  // the parent of a hole that is not in a trie
  static constexpr Word bins = small_sizes;
  static constexpr unsigned first_class = std::countr_zero(bins);
  static constexpr unsigned classes = form.is_small ? 1 : HoleWords::link_bits + 1 - first_class;

  [[nodiscard]] static unsigned class_of(Word size) noexcept {
    if constexpr (form.is_small) return 0;
    return static_cast<unsigned>(std::bit_width(size)) - 1 - first_class;
  }
  // The bits of a size below its highest one, shifted to the top of the word; with one trie all.
  [[nodiscard]] static Word path_of(Word size) noexcept {
    if constexpr (form.is_small) return size << (word_bits - HoleWords::link_bits);
    return size << (word_bits - static_cast<unsigned>(std::bit_width(size)) + 1);
  }

  [[nodiscard]] static bool is_alone(Ring own, Word hole) noexcept {
    return own.next == hole && (!checks_enabled || own.previous == hole);
  }
  // What a list says, once checked builds have seen that the hole says the same.
  [[nodiscard]] Found compared(Found found) const noexcept {
    words_.expect_size(found.hole, found.size, top_);
    return found;
  }
  [[gnu::noinline]] void insert_before(HoleWords words, Word hole, Word size,
                                       Word next) const noexcept {
    const Word previous = words.ring(next).previous;
    if (checks_enabled && (!words.has(previous, top_) || words.ring(previous).next != next))
        [[unlikely]]
      words.smashed(next);
    words.write(hole, size, {next, previous});
    words.set_previous(next, hole);
    words.set_next(previous, hole);
  }
  [[gnu::noinline]] void leave_ring(HoleWords words, Word hole, Ring own) const noexcept {
    if constexpr (checks_enabled) {
      const bool known =
          words.peek_size(own.next, top_) != 0 && words.peek_size(own.previous, top_) != 0 &&
          words.ring(own.next).previous == hole && words.ring(own.previous).next == hole;
      if (!known) [[unlikely]]
        words.smashed(hole);
    }
    words.set_next(own.previous, own.next);
    words.set_previous(own.next, own.previous);
  }

  [[gnu::noinline]] void link_large(HoleWords words, Word hole, Word size) noexcept {
    const unsigned kind = class_of(size);
    words.write(hole, size, {hole, hole});
    words.set_children(hole, {});
    words.set_parent(hole, 0);
    if ((class_map_ >> kind & 1) == 0) {
      class_map_ |= Word{1} << kind;
      roots_[kind] = static_cast<Index>(hole);
      return;
    }
    Word path = path_of(size);
    Word above = 0;
    for (Word node = roots_[kind];;) {
      if (words.size_below(above, node, top_) ==
          size) {  // aligned holes behind the node, others last
        insert_before(words, hole, size, words.parity(hole) == 0 ? words.ring(node).next : node);
        words.set_parent(hole, in_a_ring);
        return;
      }
      const std::size_t side = path >> (word_bits - 1);
      Children below = words.children(node);
      if (below.of[side] == 0) {
        below.of[side] = hole;
        words.set_children(node, below);
        words.set_parent(hole, node);
        return;
      }
      above = node;
      node = below.of[side];
      path <<= 1;
    }
  }
  [[gnu::noinline]] void unlink_large(HoleWords words, Found found) noexcept {
    const Word hole = found.hole;
    const Ring own = words.ring(hole);
    if (!is_alone(own, hole)) leave_ring(words, hole, own);
    if (words.parent(hole) != in_a_ring) {
      const Word heir = own.next != hole ? own.next : take_leaf(words, hole);
      replace(words, hole, heir, class_of(found.size));
    } else if (checks_enabled && own.next == hole) [[unlikely]] {
      words.smashed(hole);
    }
    words.wipe(hole, found.size);
  }
  // Removes a leaf below a node from the trie, and returns it; 0 if the node is a leaf itself.
  [[nodiscard]] Word take_leaf(HoleWords words, Word node) const noexcept {
    Word above = 0;
    std::size_t side = 0;
    Word leaf = node;
    for (Children below = words.children(node); (below.of[0] | below.of[1]) != 0;
         below = words.children(leaf)) {
      above = leaf;
      side = below.of[1] != 0 ? 1 : 0;
      leaf = below.of[side];
      (void)words.size_below(above, leaf, top_);
    }
    if (above == 0) return 0;
    Children rest = words.children(above);
    rest.of[side] = 0;
    words.set_children(above, rest);
    return leaf;
  }
  // Replaces a node by `heir`, or removes it if that is 0.
  void replace(HoleWords words, Word node, Word heir, unsigned kind) noexcept {
    const Word above = words.parent(node);
    if (heir != 0) {
      const Children below = words.children(node);
      words.set_children(heir, below);
      words.set_parent(heir, above);
      for (const Word child : below.of) {
        if (child == 0) continue;
        (void)words.size_below(node, child, top_);
        words.set_parent(child, heir);
      }
    }
    if (above != 0) {
      (void)words.size_of(above, top_);
      Children of_above = words.children(above);
      Word& below = of_above.of[of_above.of[1] == node ? 1 : 0];
      if (checks_enabled && below != node) [[unlikely]]
        words.smashed(node);
      below = heir;
      words.set_children(above, of_above);
    } else {
      if (checks_enabled && roots_[kind] != node) [[unlikely]]
        words.smashed(node);
      roots_[kind] = static_cast<Index>(heir);
      if (heir == 0) class_map_ &= ~(Word{1} << kind);
    }
  }

  [[nodiscard, gnu::noinline]] Found find_large(Word wanted, Word two) const noexcept {
    if (wanted >= HoleWords::link_mask) return {};
    const HoleWords words = words_;
    const unsigned kind = class_of(wanted);
    Found best{0, ~Word{0}};
    Word larger = 0;  // the last subtree beside the path, in which all sizes are larger
    Word above_larger = 0;
    Word above = 0;
    Word path = path_of(wanted);
    for (Word node = (class_map_ >> kind & 1) != 0 ? roots_[kind] : 0; node != 0; path <<= 1) {
      const Word size = words.size_below(above, node, top_);
      if (size == wanted) {
        if (two == 0 || words.parity(node) == 0) return compared({node, size});
        const Word next = words.ring(node).next;
        if (words.parity(next) == 0) return compared({next, size});
      } else if (size > wanted && size < best.size) {
        best = {node, size};
      }
      const Children below = words.children(node);
      const std::size_t side = path >> (word_bits - 1);
      if (side == 0 && below.of[1] != 0) {
        larger = below.of[1];
        above_larger = node;
      }
      above = node;
      node = below.of[side];
    }
    if (larger != 0) {
      const Found candidate = least(above_larger, larger);
      if (candidate.size < best.size) best = candidate;
    }
    if (best.hole != 0) return compared(best);
    const Word others = form.is_small ? 0 : class_map_ >> kind >> 1;
    if (others == 0) return {};
    return compared(least(0, roots_[kind + 1 + static_cast<unsigned>(std::countr_zero(others))]));
  }
  // The smallest of the holes that are in tries.
  [[nodiscard, gnu::noinline]] Found find_least() const noexcept {
    if (class_map_ == 0) return {};
    return compared(least(0, roots_[static_cast<unsigned>(std::countr_zero(class_map_))]));
  }
  // The smallest hole of a trie.
  [[nodiscard]] Found least(Word above, Word node) const noexcept {
    const HoleWords words = words_;
    Found best{node, words.size_below(above, node, top_)};
    for (;;) {
      const Children below = words.children(node);
      above = node;
      node = below.of[0] != 0 ? below.of[0] : below.of[1];
      if (node == 0) return best;
      if (const Word size = words.size_below(above, node, top_); size < best.size) {
        best = {node, size};
      }
    }
  }

  // The next node of a trie in pre-order; 0 after the last.
  [[nodiscard]] Word next_node(Word node) const noexcept {
    const Children below = words_.children(node);
    if (below.of[0] != 0) return below.of[0];
    if (below.of[1] != 0) return below.of[1];
    for (Word above = words_.parent(node); above != 0; node = above, above = words_.parent(above)) {
      const Children beside = words_.children(above);
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
