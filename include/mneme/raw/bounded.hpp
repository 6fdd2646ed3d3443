// purpose: the raw heap with bounded time: best fit, with no overhead but the header.
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
/// resize take at most a few steps per bit of the size, however many holes and blocks there are. It
/// is exact for alignments of up to two words: allocate fails only if no hole fits.
///
/// Free memory is either a *hole* between blocks (see HoleLists), or the *top* behind the last
/// block, which is used if no hole fits. So a larger top changes no placement as long as no
/// allocation fails.
template <BoundedForm form>
class BasicBounded : HoleListsOf<form> {
  using Lists = HoleListsOf<form>;
  using Lists::find, Lists::walk, Lists::for_each_listed, Lists::hole_maps, Lists::link;
  using Lists::unlink, Lists::top_, Lists::words_;
  using typename Lists::Found, typename Lists::Word, typename Lists::HoleWords;

 public:
  static constexpr const char* name = form.is_small ? "bounded-small" : "bounded";
  static constexpr std::size_t min_region_bytes = (HoleWords::unit + 1) * word_bytes;
  /// 16 GiB on 64 bits, 128 KiB on 32 bits; wide 32 GiB, and all that 32 bits can address. With a
  /// larger region the capacity is zero.
  static constexpr std::size_t max_region_bytes = (HoleWords::link_mask - 2) * word_bytes;

  /// A heap of capacity zero.
  constexpr BasicBounded() noexcept = default;
  /// Manages the whole words inside `region`, which need not be aligned.
  explicit BasicBounded(std::span<std::byte> region) noexcept
      : BasicBounded(region, first_block.padding_at(address_of(region.data()))) {}
  /// Unpoisons the region for its next use; writes nothing.
  ~BasicBounded() { instrument::mark_undefined(base(), capacity_bytes()); }
  BasicBounded(const BasicBounded&) = delete;
  BasicBounded& operator=(const BasicBounded&) = delete;

  /// Whether allocate fails for `layout` only if no hole fits. Other layouts are granted if there
  /// is a hole of size + alignment − one word, and always on an empty heap.
  [[nodiscard]] static constexpr bool is_exact(BlockLayout layout) noexcept {
    return layout.align / word_bytes <= (layout.header_bytes == word_bytes ? 2 : 1);
  }

  [[nodiscard]] MNEME_HOT std::byte* allocate(BlockLayout layout, std::size_t header = 0) noexcept {
    const Word count = count_of(layout.size);
    if (!is_exact(layout)) [[unlikely]]
      return allocate_aligned(layout, count, header);
    const Word two = layout.align / word_bytes - 1;  // 1: the payload must be aligned to two words
    const Found found = find(count, two);
    return found.hole != 0 ? take(found, two & words_.parity(found.hole), count, header)
                           : take_top(two & words_.parity(top_), count, header);
  }
  /// Allocates from the top, if there are no holes, and if the top is aligned as it is.
  [[nodiscard]] std::byte* allocate_quickly(BlockLayout layout, std::size_t header) noexcept {
    const Word count = count_of(layout.size);
    const std::size_t payload = address_of(words_.place(top_)) + layout.header_bytes;
    if (form.is_small || (hole_maps() | (payload & (layout.align - 1))) != 0 ||
        count > end_ - top_ || !is_top_intact())
      return nullptr;
    set_top(top_ + count);
    return begin_block(top_ - count, count, header);
  }

  [[nodiscard]] MNEME_HOT std::size_t deallocate(std::byte* block, std::size_t size) noexcept {
    const Word count = count_of(size);
    const Word at = words_.index_of(block);
    if (!is_inside(at, count)) return 0;
    const Word own = words_.get(at);
    const Word behind = hole_behind_block(own, at + count);
    if (checks_enabled && behind == no_block_end) return 0;
    instrument::poison_free(block, count * word_bytes);
    const Word hole = give(at, count, (own & header::hole_before) != 0, behind);
    // So that a second free is detected, wherever in a hole or the top the block's first word now
    // is.
    if constexpr (checks_enabled) words_.set(at, words_.get(at) | header::hole);
    return hole * word_bytes;
  }
  /// Returns a block to the top, if there is no hole between them or before the block.
  [[nodiscard]] bool deallocate_quickly(std::byte* block, std::size_t size) noexcept {
    const Word count = count_of(size);
    const Word at = words_.index_of(block);
    if (form.is_small || at + count != top_ || !is_inside(at, count)) return false;
    const Word own = header::load(block);
    if ((own & (header::hole | header::hole_before)) != 0 || !words_.is_block(own) ||
        !is_top_intact())
      return false;
    instrument::poison_free(block, count * word_bytes);
    used_ -= count;
    set_top(at);
    if constexpr (checks_enabled && !is_hardened) header::store(block, own | header::hole);
    return true;
  }

  /// Whether deallocate would take the block back, as far as checked builds can know.
  [[nodiscard]] bool accepts(const std::byte* block, std::size_t size) const noexcept {
    const Word count = count_of(size);
    const Word at = words_.index_of(block);
    return is_inside(at, count) && hole_behind_block(words_.get(at), at + count) != no_block_end;
  }

  [[nodiscard]] bool resize(std::byte* block, std::size_t old_size, BlockLayout wanted) noexcept {
    const Word at = words_.index_of(block);
    const Word from = count_of(old_size);
    const Word to = count_of(wanted.size);
    if (to > from) return grow(at + from, to - from, wanted);
    if (to == from) return true;
    const Word behind = hole_behind(words_.get(at), at + from);
    if (checks_enabled && behind == no_block_end) return false;
    instrument::poison_free(words_.place(at + to), (from - to) * word_bytes);
    (void)give(at + to, from - to, false, behind);
    return true;
  }

  [[nodiscard]] bool extend(std::size_t bytes) noexcept {
    const Word more = bytes / word_bytes / HoleWords::unit * HoleWords::unit;
    if (capacity_bytes() == 0 || more > max_region_bytes / word_bytes - (end_ - HoleWords::first))
      return false;
    instrument::poison_free(words_.place(end_), more * word_bytes);
    end_ += more;
    set_top(top_);
    return true;
  }

  [[nodiscard]] bool fits_empty(BlockLayout layout) const noexcept {
    const std::size_t padding = layout.padding_at(address_of(base()));
    return padding <= capacity_bytes() &&
           count_of(layout.size) <= (capacity_bytes() - padding) / word_bytes;
  }

  [[nodiscard]] std::byte* base() const noexcept { return words_.base(); }
  [[nodiscard]] std::size_t capacity_bytes() const noexcept {
    return (end_ - HoleWords::first) * word_bytes;
  }
  [[nodiscard]] std::size_t free_bytes() const noexcept {
    return capacity_bytes() - used_ * word_bytes;
  }

  // For tools: O(holes); for_each_hole is O(holes²).

  [[nodiscard]] bool is_free(std::size_t offset) const noexcept {
    const Word at = HoleWords::first + offset / word_bytes;
    bool found = at >= top_ && at < end_;
    // Called to build a fatal line about something else: so a hardened build does not stop here at
    // an impossible hole.
    walk([&](Word hole, Word /*expected_size*/) {
      const Word size = is_hardened ? words_.peek_size(hole, top_) : words_.size_of(hole, top_);
      found = found || at - hole < size;
      return size != 0 && !found;
    });
    return found;
  }

  [[nodiscard]] std::size_t largest_hole_bytes() const noexcept {
    Word largest = end_ - top_;
    for_each_listed([&](Word, Word size) { largest = size > largest ? size : largest; });
    return largest * word_bytes;
  }

  template <class F>
  void for_each_hole(F each) const noexcept {
    for (Word from = HoleWords::first;;) {
      Word next = top_;
      Word next_size = end_ - top_;
      for_each_listed([&](Word hole, Word size) {
        if (hole >= from && hole < next) {
          next = hole;
          next_size = size;
        }
      });
      if (next_size > 0) each((next - HoleWords::first) * word_bytes, next_size * word_bytes);
      if (next == top_) return;
      from = next + next_size;
    }
  }

  [[nodiscard]] const char* validate() const noexcept {
    const Word free = free_bytes() / word_bytes;
    Word sum = end_ - top_;
    const char* wrong = nullptr;
    walk([&](Word hole, Word expected_size) {
      const Word size = words_.peek_size(hole, top_);
      if (size == 0 || (expected_size != 0 && size != expected_size)) {
        wrong = "a hole's size or link is impossible";
        return false;
      }
      sum += size;
      const Word behind = words_.get(hole + size);
      if ((behind & header::hole) != 0 || (behind & header::hole_before) == 0) {
        wrong = "a block does not know of the hole before it";
      }
      if (sum > free) wrong = "the holes do not sum to the free bytes";
      return wrong == nullptr;
    });
    if (wrong == nullptr && sum != free) wrong = "the holes do not sum to the free bytes";
    return wrong;
  }

 protected:
  /// The words of a block of `size` bytes.
  [[nodiscard]] static constexpr Word count_of(std::size_t size) noexcept {
    return (size / word_bytes + HoleWords::unit - 1) & ~(HoleWords::unit - 1);
  }

 private:
  // Where the region may begin: so that payloads are aligned to a unit of two words.
  static constexpr BlockLayout first_block{.align = HoleWords::unit * word_bytes,
                                           .header_bytes = word_bytes};
  BasicBounded(std::span<std::byte> region, std::size_t skew) noexcept {
    if (region.size() < skew + 2 * word_bytes || region.size() - skew > max_region_bytes) return;
    words_ = HoleWords(region.data() + skew);
    end_ =
        HoleWords::first + (region.size() - skew) / word_bytes / HoleWords::unit * HoleWords::unit;
    set_top(HoleWords::first);
    instrument::poison_free(base(), capacity_bytes());
  }

  // Whether a block can have these words; always true in unchecked builds.
  [[nodiscard]] bool is_inside(Word at, Word count) const noexcept {
    return !checks_enabled ||
           (at >= HoleWords::first && at < top_ && count >= 2 && count <= top_ - at);
  }
  static constexpr Word no_block_end = ~Word{0};

  // The first word of the top in hardened builds, to detect an overflow of the last block. It has
  // the bit header::hole, as a dangling pointer may lead to it.
  static constexpr Word canary = static_cast<Word>(0xB7E1'5162'8AED'2A6B);
  void set_top(Word at) noexcept {
    top_ = at;
    if constexpr (is_hardened) {
      if (at < end_) words_.set(at, canary);
    }
  }
  [[nodiscard]] bool is_top_intact() const noexcept {
    return !is_hardened || top_ >= end_ || words_.get(top_) == canary;
  }

  // The size of the hole that begins at `end`, or 0. In checked builds no_block_end, if the block
  // with the header `own` cannot end there, judging by the word there.
  [[nodiscard]] MNEME_HOT Word hole_behind(Word own, Word end) const noexcept {
    const HoleWords words = words_;
    if (end == top_) return is_top_intact() ? 0 : no_block_end;
    const Word behind = words.get(end);
    if ((behind & header::hole) != 0) {
      if constexpr (!checks_enabled) return words.size_of(end, top_);
      const Word size = words.peek_size(end, top_);
      return size != 0 ? size : no_block_end;
    }
    const bool is_block =
        !checks_enabled || (header::same_heap(own, behind) && (behind & header::hole_before) == 0);
    return is_block ? 0 : no_block_end;
  }

  // The same; no_block_end also if `own` is not the header of a live block.
  [[nodiscard]] MNEME_HOT Word hole_behind_block(Word own, Word end) const noexcept {
    if (checks_enabled && ((own & header::hole) != 0 || !words_.is_block(own))) return no_block_end;
    return hole_behind(own, end);
  }

  // From holes to blocks, and back.

  [[nodiscard]] MNEME_HOT std::byte* begin_block(Word at, Word count, Word header) noexcept {
    std::byte* const block = words_.place(at);
    used_ += count;
    words_.learn_header(header);
    instrument::mark_undefined(block, count * word_bytes);
    header::store(block, header);
    return block;
  }
  [[nodiscard]] MNEME_HOT std::byte* take_top(Word padding, Word count, Word header) noexcept {
    const Word at = top_ + padding;
    if (end_ < at || end_ - at < count) [[unlikely]]
      return nullptr;
    if (!is_top_intact()) [[unlikely]]
      words_.smashed(top_);
    set_top(at + count);
    if (padding > 0) [[unlikely]]
      return begin_block_behind(at, padding, count, header);
    return begin_block(at, count, header);
  }
  // The same, behind a new hole of `padding` words.
  [[nodiscard, gnu::noinline]] std::byte* begin_block_behind(Word at, Word padding, Word count,
                                                             Word header) noexcept {
    link(at - padding, padding);
    return begin_block(at, count, header | header::hole_before);
  }
  // Makes a block inside a hole, from its word `padding` on; the words before and behind stay free.
  [[nodiscard]] MNEME_HOT std::byte* take(Found found, Word padding, Word count,
                                          Word header) noexcept {
    const Word at = found.hole + padding;
    unlink(found, found.size < Lists::small_sizes);
    if (const Word rest = found.size - padding - count; rest > 0) {
      link(at + count, rest);
    } else {
      header::clear(words_.place(at + count), header::hole_before);
    }
    if (padding > 0) [[unlikely]]
      return begin_block_behind(at, padding, count, header);
    return begin_block(at, count, header);
  }
  // Tries the smallest hole that may fit, then the smallest that surely fits, then the top.
  [[nodiscard, gnu::noinline]] std::byte* allocate_aligned(BlockLayout layout, Word count,
                                                           Word header) noexcept {
    const Found found = find_aligned(layout, count);
    return found.hole != 0 ? take(found, padding_at(layout, found.hole), count, header)
                           : take_top(padding_at(layout, top_), count, header);
  }
  [[nodiscard]] Found find_aligned(BlockLayout layout, Word count) const noexcept {
    const Word slack = layout.align / word_bytes - HoleWords::unit;
    for (const Word wanted : {count, count + slack}) {
      const Found found = wanted < count ? Found{} : find(wanted, 0);
      if (found.hole == 0) continue;
      const Word skip = padding_at(layout, found.hole);
      if (skip <= found.size && count <= found.size - skip) return found;
    }
    return {};
  }
  [[nodiscard]] Word padding_at(BlockLayout layout, Word at) const noexcept {
    return layout.padding_at(address_of(words_.place(at))) / word_bytes;
  }
  // Whether the block would go into a hole, and not into the top.
  [[nodiscard]] bool has_hole_for(BlockLayout layout) const noexcept {
    const Word count = count_of(layout.size);
    const Found found =
        is_exact(layout) ? find(count, layout.align / word_bytes - 1) : find_aligned(layout, count);
    return found.hole != 0;
  }
  // Frees [at, at + count), merges it with the free memory on both sides, and returns the size of
  // the result. `behind`: the size of the hole behind it, or 0.
  MNEME_HOT Word give(Word at, Word count, bool hole_before, Word behind) noexcept {
    const HoleWords words = words_;
    const Word start = at;
    const Word end = at + count;
    used_ -= count;
    if (hole_before) {
      const Word size = words.size_before(at, top_);
      at -= size;
      count += size;
      unlink({at, size});
    }
    if constexpr (is_hardened) words.set(start, header::hole);  // no address
    if (end == top_) {
      set_top(at);
      return end_ - at;
    }
    if (behind != 0) {
      count += behind;
      unlink({end, behind});
    } else {
      (void)header::set(words.place(end), header::hole_before);
    }
    link(at, count);
    return count;
  }
  // Makes the block that ends at `end` longer by `more` words; `wanted` is its layout then.
  [[nodiscard]] bool grow(Word end, Word more, BlockLayout wanted) noexcept {
    if (end == top_) {
      if (end_ - top_ < more || !is_top_intact() || has_hole_for(wanted)) return false;
      set_top(top_ + more);
    } else {
      if (end > top_ || (words_.get(end) & header::hole) == 0) return false;
      const Word size = words_.size_of(end, top_);
      if (size < more) return false;
      unlink({end, size});
      if (size > more) {
        link(end + more, size - more);
      } else {
        header::clear(words_.place(end + more), header::hole_before);
      }
    }
    used_ += more;
    instrument::mark_undefined(words_.place(end), more * word_bytes);
    return true;
  }

  Word end_ = HoleWords::first;
  Word used_ = 0;  // words in blocks
};

// See BoundedForm.
using Bounded = BasicBounded<BoundedForm{}>;
using SmallBounded = BasicBounded<BoundedForm{.is_small = true}>;

static_assert(RawHeap<Bounded> && RawHeap<SmallBounded>);

}  // namespace mneme::inline MNEME_SETTINGS
