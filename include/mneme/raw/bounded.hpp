// purpose: the raw heap with bounded time: best fit, exact, without a word beside the header.
// layer: L1; includes L0, raw_heap and hole_lists.
// threads: one owner at a time; headers of live blocks are read and changed by header.hpp alone.
// invariants: no two holes touch, none touches the top; hole_before is set behind each hole alone.
#pragma once

#include <cstddef>
#include <span>

#include "../check.hpp"
#include "../header.hpp"
#include "../instrument.hpp"
#include "../layout.hpp"
#include "../raw_heap.hpp"
#include "hole_lists.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// Best fit over one region in bounded time (after Lea's dlmalloc 2.8): allocate, deallocate and
/// resize take a few steps for each bit of the size at most, however many holes and blocks there
/// are. Up to an alignment of two words it is exact: a request fails only if no hole fits.
///
/// Free memory is either a *hole*, between blocks (see HoleLists), or the *top*, behind the last
/// block, which is used when no hole fits. So as long as nothing is refused, room behind moves no
/// block.
class Bounded : HoleLists {
 public:
  static constexpr const char* name = "bounded";
  static constexpr std::size_t min_region_bytes = 2 * word_bytes;
  /// 16 GiB on 64 bits, 128 KiB on 32. A larger region gives a heap of capacity zero.
  static constexpr std::size_t max_region_bytes = (link_mask - 2) * word_bytes;

  /// A heap of capacity zero.
  constexpr Bounded() noexcept = default;
  /// Manages the whole words inside `region`, at any alignment.
  explicit Bounded(std::span<std::byte> region) noexcept {
    const std::size_t skew = BlockLayout{}.padding_at(address_of(region.data()));
    if (region.size() < skew + min_region_bytes || region.size() - skew > max_region_bytes) return;
    base_ = region.data() + skew;
    first_ = address_of(base_) / word_bytes % 2 == 0 ? 1 : 2;
    top_ = first_;
    end_ = first_ + (region.size() - skew) / word_bytes;
    free_ = end_ - first_;
    instrument::poison_free(base_, capacity_bytes());
  }
  /// Opens the region again to whoever has it next; touches nothing.
  ~Bounded() { instrument::mark_undefined(base_, capacity_bytes()); }
  Bounded(const Bounded&) = delete;
  Bounded& operator=(const Bounded&) = delete;

  /// Whether a request for `layout` fails only if no hole fits. Others are granted if a hole of
  /// size + alignment − one word exists, and always on an empty heap.
  [[nodiscard]] static constexpr bool is_exact(BlockLayout layout) noexcept {
    return layout.align <= word_bytes ||
           (layout.align == 2 * word_bytes && layout.header_bytes == word_bytes);
  }

  [[nodiscard]] std::byte* allocate(BlockLayout layout, std::size_t header = 0) noexcept {
    const Word words = layout.size / word_bytes;
    if (!is_exact(layout)) [[unlikely]]
      return allocate_aligned(layout, words, header);
    const Word two = layout.align / word_bytes - 1;  // 1: only an even index will do
    const Word hole = find(words, two);
    return hole != 0 ? take(hole, two & hole, words, header) : take_top(two & top_, words, header);
  }

  [[nodiscard]] bool deallocate(std::byte* block, std::size_t size) noexcept {
    const Word words = size / word_bytes;
    const Word from = (address_of(block) - address_of(base_)) / word_bytes;  // wrapped, it is huge
    if (from >= top_ - first_ || words < 2 || words > top_ - first_ - from) return false;
    const Word at = first_ + from;
    const Word own = load(at);
    if ((own & header::hole) != 0 || !is_plausible_end(own, at + words)) return false;
    instrument::poison_free(block, size);
    give(at, words, (own & header::hole_before) != 0);
    // A stale pointer to the block is then seen, wherever in a hole or in the top it leads.
    if constexpr (checks_enabled) store(at, load(at) | header::hole);
    return true;
  }

  [[nodiscard]] bool resize(std::byte* block, std::size_t old_size, std::size_t new_size) noexcept {
    const Word at = first_ + static_cast<Word>(block - base_) / word_bytes;
    const Word from = old_size / word_bytes;
    const Word to = new_size / word_bytes;
    if (to > from) return grow(at + from, to - from);
    if (to == from) return true;
    if (!is_plausible_end(load(at), at + from)) return false;
    instrument::poison_free(block + new_size, old_size - new_size);
    give(at + to, from - to, false);
    return true;
  }

  [[nodiscard]] bool fits_empty(BlockLayout layout) const noexcept {
    const std::size_t padding = layout.padding_at(address_of(base_));
    return padding <= capacity_bytes() && layout.size <= capacity_bytes() - padding;
  }

  [[nodiscard]] std::byte* base() const noexcept { return base_; }
  [[nodiscard]] std::size_t capacity_bytes() const noexcept { return (end_ - first_) * word_bytes; }
  [[nodiscard]] std::size_t free_bytes() const noexcept { return free_ * word_bytes; }

  // For tools; linear in the number of holes, for_each_hole quadratic.

  [[nodiscard]] bool is_free(std::size_t offset) const noexcept {
    const Word at = first_ + offset / word_bytes;
    bool found = at >= top_ && at < end_;
    for_each_listed([&](Word hole, Word size) { found = found || at - hole < size; });
    return found;
  }

  [[nodiscard]] std::size_t largest_hole_bytes() const noexcept {
    Word largest = end_ - top_;
    for_each_listed([&](Word, Word size) { largest = size > largest ? size : largest; });
    return largest * word_bytes;
  }

  template <class F>
  void for_each_hole(F each) const noexcept {
    for (Word from = first_;;) {
      Word next = top_;
      Word next_size = end_ - top_;
      for_each_listed([&](Word hole, Word size) {
        if (hole >= from && hole < next) {
          next = hole;
          next_size = size;
        }
      });
      if (next_size > 0) each((next - first_) * word_bytes, next_size * word_bytes);
      if (next == top_) return;
      from = next + next_size;
    }
  }

  [[nodiscard]] const char* validate() const noexcept {
    Word sum = end_ - top_;
    const char* wrong = nullptr;
    walk([&](Word hole, Word expected_size) {
      const Word size = peek_size(hole);
      if (size == 0 || (expected_size != 0 && size != expected_size)) {
        wrong = "a hole's size or link is impossible";
        return false;
      }
      sum += size;
      const Word behind = load(hole + size);
      if ((behind & header::hole) != 0 || (behind & header::hole_before) == 0) {
        wrong = "a block does not know of the hole before it";
      }
      if (sum > free_) wrong = "the holes do not sum to the free bytes";
      return wrong == nullptr;
    });
    if (wrong == nullptr && sum != free_) wrong = "the holes do not sum to the free bytes";
    return wrong;
  }

 private:
  // Whether the block with the header `own` ends at `end`, by what is there.
  [[nodiscard]] bool is_plausible_end(Word own, Word end) const noexcept {
    if (!checks_enabled || end == top_) return true;
    const Word behind = load(end);
    if ((behind & header::hole) != 0) return peek_size(end) != 0;
    return header::same_heap(own, behind) && (behind & header::hole_before) == 0;
  }

  // Blocks out of holes and back.

  [[nodiscard]] std::byte* begin_block(Word at, Word words, Word header) noexcept {
    free_ -= words;
    instrument::mark_undefined(place(at), words * word_bytes);
    store(at, header);
    return place(at);
  }
  // A block of the hole's words from `padding` on; what is left before and behind it stays free.
  [[nodiscard]] std::byte* take(Word hole, Word padding, Word words, Word header) noexcept {
    const Word size = size_of(hole);
    const Word behind = hole + padding + words;
    unlink(hole, size);
    if (padding > 0) {
      link(hole, padding);
      header |= header::hole_before;
    }
    if (const Word rest = size - padding - words; rest > 0) {
      link(behind, rest);
    } else {
      header::clear(place(behind), header::hole_before);
    }
    return begin_block(hole + padding, words, header);
  }
  [[nodiscard]] std::byte* take_top(Word padding, Word words, Word header) noexcept {
    const Word room = end_ - top_;
    if (room < padding || room - padding < words) return nullptr;
    const Word at = top_ + padding;
    top_ = at + words;
    if (padding > 0) {
      link(at - padding, padding);
      header |= header::hole_before;
    }
    return begin_block(at, words, header);
  }
  // The smallest hole that may fit, the smallest that is sure to, the top.
  [[nodiscard, gnu::noinline]] std::byte* allocate_aligned(BlockLayout layout, Word words,
                                                           Word header) noexcept {
    const auto padding = [&](Word at) {
      return layout.padding_at(address_of(place(at))) / word_bytes;
    };
    const Word slack = layout.align / word_bytes - 1;
    for (const Word wanted : {words, words + slack}) {
      const Word hole = wanted < words ? 0 : find(wanted, 0);
      if (hole == 0) continue;
      const Word skip = padding(hole);
      const Word size = size_of(hole);
      if (skip <= size && words <= size - skip) return take(hole, skip, words, header);
    }
    return take_top(padding(top_), words, header);
  }
  // Makes [at, at + words) free, and one with what is free beside it.
  void give(Word at, Word words, bool hole_before) noexcept {
    const Word end = at + words;
    free_ += words;
    if (hole_before) {
      const Word size = size_before(at);
      at -= size;
      words += size;
      unlink(at, size);
    }
    if (end == top_) {
      top_ = at;
      return;
    }
    if ((load(end) & header::hole) != 0) {
      const Word size = size_of(end);
      words += size;
      unlink(end, size);
    } else {
      (void)header::set(place(end), header::hole_before);
    }
    link(at, words);
  }
  // Lets the block that ends at `end` have `words` more.
  [[nodiscard]] bool grow(Word end, Word words) noexcept {
    if (end == top_) {
      if (end_ - top_ < words) return false;
      top_ += words;
    } else {
      if (end > top_ || (load(end) & header::hole) == 0) return false;
      const Word size = size_of(end);
      if (size < words) return false;
      unlink(end, size);
      if (size > words) {
        link(end + words, size - words);
      } else {
        header::clear(place(end + words), header::hole_before);
      }
    }
    free_ -= words;
    instrument::mark_undefined(place(end), words * word_bytes);
    return true;
  }

  Word end_ = 0;
  Word free_ = 0;  // words
};

static_assert(RawHeap<Bounded>);

}  // namespace mneme::inline MNEME_SETTINGS
