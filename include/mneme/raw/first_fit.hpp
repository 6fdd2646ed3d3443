// purpose: a simple raw heap: an address-ordered list of holes, stored in the holes.
// layer: L1; includes L0 and raw_heap.
// threads: none; one owner at a time.
// invariants: holes ascend, never touch, and sum to free_bytes; all sizes are whole words.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "../check.hpp"
#include "../header.hpp"
#include "../instrument.hpp"
#include "../layout.hpp"
#include "../raw_heap.hpp"
#include "first_fit_holes.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// First fit over one region (Knuth, TAOCP 1, 2.5, algorithms A and B, with an address-ordered
/// list).
///
/// Since a hole may be a single word, a block never has to be longer than its payload needs. The
/// last hole's next offset is the capacity. allocate, deallocate and resize are O(holes), and touch
/// only holes and the block itself. Alignment may leave a hole of a word behind each block:
/// searches begin behind those that come first.
class FirstFit : FirstFitHoles {
 public:
  static constexpr const char* name = "first-fit";
  static constexpr std::size_t min_region_bytes =
      2 * word_bytes;  ///< of a region that begins at a word boundary

  /// Manages the whole words inside `region`, which need not be aligned. If there is no room for
  /// one block, the heap has a capacity of zero, and nothing fits.
  explicit FirstFit(std::span<std::byte> region) noexcept {
    const auto skew = BlockLayout{}.padding_at(address_of(region.data()));
    if (region.size() < skew + min_region_bytes) return;
    base_ = region.data() + skew;
    capacity_ = (region.size() - skew) & ~(word_bytes - 1);
    free_ = capacity_;
    instrument::poison_free(base_, capacity_);
    write_hole(0, capacity_, capacity_);
  }
  /// A heap of capacity zero.
  constexpr FirstFit() noexcept = default;
  /// Unpoisons the region for its next use; writes nothing.
  ~FirstFit() { instrument::mark_undefined(base_, capacity_); }
  FirstFit(const FirstFit&) = delete;
  FirstFit& operator=(const FirstFit&) = delete;

  [[nodiscard]] static constexpr bool is_exact(BlockLayout /*layout*/) noexcept { return true; }

  [[nodiscard]] std::byte* allocate(BlockLayout layout, std::size_t header = 0) noexcept {
    form_.learn(header);
    std::size_t before = skipped_;
    std::size_t at = before == none ? first_ : read_hole(before).next;
    while (at < capacity_ && (read_word(at) & one_word_flag) != 0) {
      skipped_ = before;
      before = at;
      at = read_hole(at).next;
    }
    while (at < capacity_) {
      const Hole hole = read_hole(at);
      if (fits(layout, at, hole)) {
        const std::size_t padding = layout.padding_at(address_of(base_ + at));
        split_hole(before, at, hole, padding, layout.size);
        instrument::mark_undefined(base_ + at + padding, layout.size);
        header::store(base_ + at + padding,
                      is_hardened && padding > 0 ? header | header::hole_before : header);
        return base_ + at + padding;
      }
      before = at;
      at = hole.next;
    }
    return nullptr;
  }

  [[nodiscard]] std::size_t deallocate(std::byte* block, std::size_t size) noexcept {
    return take_back(block, 0, size);
  }

  /// Whether deallocate would take the block back.
  [[nodiscard]] bool accepts(const std::byte* block, std::size_t size) const noexcept {
    if (!inside(block, size)) return false;
    const auto at = static_cast<std::size_t>(block - base_);
    return is_taken(block, at, size, neighbours_of(at));
  }

  [[nodiscard]] bool resize(std::byte* block, std::size_t old_size, BlockLayout wanted) noexcept {
    if (wanted.size == old_size) return true;
    if (wanted.size < old_size) return take_back(block, wanted.size, old_size) != 0;
    const std::size_t end = static_cast<std::size_t>(block - base_) + old_size;
    const std::size_t more = wanted.size - old_size;
    const Neighbours around = neighbours_of(end);
    if (around.after != end || around.after == capacity_) return false;
    const Hole hole = read_hole(end);
    if (hole.size < more) return false;
    if (end + hole.size == capacity_ && has_hole_before(end, wanted)) return false;
    if (end == skipped_) skipped_ = around.before;
    split_hole(around.before, end, hole, 0, more);
    instrument::mark_undefined(base_ + end, more);
    return true;
  }

  /// O(holes). The hole that grows is not skipped_, which has another behind it.
  [[nodiscard]] bool extend(std::size_t bytes) noexcept {
    const std::size_t more = bytes & ~(word_bytes - 1);
    const std::size_t end = capacity_;
    if (end == 0 || more > SIZE_MAX - address_of(base_) - end) return false;
    if (more == 0) return true;
    const Neighbours around = neighbours_of(end);
    const bool merges = around.before != none && around.before_end == end;
    const std::size_t start = merges ? around.before : end;
    instrument::poison_free(base_ + end, more);
    capacity_ += more;
    free_ += more;
    if (merges) {
      if (is_hardened) forget_end(start, end);
    } else {
      set_next(around.before, start);
    }
    write_hole(start, capacity_ - start, capacity_);
    return true;
  }

  [[nodiscard]] bool fits_empty(BlockLayout layout) const noexcept {
    const std::size_t padding = layout.padding_at(address_of(base_));
    return padding <= capacity_ && layout.size <= capacity_ - padding;
  }

  [[nodiscard]] bool is_free(std::size_t offset) const noexcept {
    // Called to build a fatal line about something else: so a hardened build does not stop here at
    // an impossible hole.
    for (std::size_t at = first_; at < capacity_ && at <= offset;) {
      const Hole hole = is_hardened ? peek_hole(at) : read_hole(at);
      if (is_hardened && !plausible(at, hole)) return false;
      if (offset - at < hole.size) return true;
      at = hole.next;
    }
    return false;
  }

  [[nodiscard]] std::byte* base() const noexcept { return base_; }
  [[nodiscard]] std::size_t capacity_bytes() const noexcept { return capacity_; }
  [[nodiscard]] std::size_t free_bytes() const noexcept { return free_; }

  [[nodiscard]] std::size_t largest_hole_bytes() const noexcept {
    std::size_t largest = 0;
    for_each_hole(
        [&](std::size_t, std::size_t size) { largest = size > largest ? size : largest; });
    return largest;
  }

  template <class F>
  void for_each_hole(F each) const noexcept {
    for (std::size_t at = first_; at < capacity_;) {
      const Hole hole = read_hole(at);
      each(at, hole.size);
      at = hole.next;
    }
  }

  [[nodiscard]] const char* validate() const noexcept {
    std::size_t sum = 0;
    std::size_t end = 0;
    bool is_skipped = skipped_ != none;
    for (std::size_t at = first_; at < capacity_;) {
      if (at < end || (at == end && at != 0)) return "holes overlap, touch or descend";
      const Hole hole = peek_hole(at);
      if (!plausible(at, hole)) return "a hole's size or link is impossible";
      if (is_skipped && hole.size > word_bytes) return "a hole with room for blocks is skipped";
      is_skipped = is_skipped && at != skipped_;
      sum += hole.size;
      end = at + hole.size;
      at = hole.next;
    }
    if (is_skipped) return "a search begins where no hole is";
    return sum == free_ ? nullptr : "the holes do not sum to the free bytes";
  }

 private:
  // The last hole that begins before a place, where it ends, and the first hole at or after that
  // place.
  struct Neighbours {
    std::size_t second;  // the last one before that, if it was met
    std::size_t before;
    std::size_t before_end;
    std::size_t after;
  };

  [[nodiscard]] bool inside(const std::byte* block, std::size_t size) const noexcept {
    const std::size_t from = address_of(block) - address_of(base_);  // a wrapped difference is huge
    return from <= capacity_ && size <= capacity_ - from;
  }

  [[nodiscard]] bool fits(BlockLayout layout, std::size_t at, Hole hole) const noexcept {
    const std::size_t padding = layout.padding_at(address_of(base_ + at));
    return padding <= hole.size && layout.size <= hole.size - padding;
  }
  // Whether a hole in front of a place takes a block.
  [[nodiscard]] bool has_hole_before(std::size_t place, BlockLayout layout) const noexcept {
    std::size_t at = first_;
    while (at < place && !fits(layout, at, read_hole(at))) at = read_hole(at).next;
    return at < place;
  }

  [[nodiscard]] Neighbours neighbours_of(std::size_t place) const noexcept {
    Neighbours around{none, none, 0, first_};
    if (skipped_ != none && skipped_ < place) around.after = skipped_;
    while (around.after < place) {
      const Hole hole = read_hole(around.after);
      around = {around.before, around.after, around.after + hole.size, hole.next};
    }
    return around;
  }

  // Whether a block can end at `end`, judging by the word there; `hole` is the first hole behind
  // it.
  [[nodiscard]] bool is_plausible_end(const std::byte* block, std::size_t end,
                                      std::size_t hole) const noexcept {
    if (is_hardened && end == hole && end != capacity_) (void)read_hole(hole);
    if (!checks_enabled || end == capacity_ || end == hole) return true;
    const std::size_t behind = header::load(base_ + end);
    return header::same_heap(behind, header::load(block)) &&
           (!is_hardened || (behind & (header::hole | header::hole_before)) == 0);
  }
  // Whether a block can have this header, given whether there is a hole before it.
  [[nodiscard]] bool is_plausible_begin(std::size_t header, bool hole_before) const noexcept {
    // Static in some builds. NOLINTNEXTLINE(readability-static-accessed-through-instance)
    return form_.is_block(header) && ((header & header::hole_before) != 0) == hole_before;
  }

  // Whether the last `size` bytes of a block, from `at` on, are still allocated, and the words
  // beside them agree.
  [[nodiscard]] bool is_taken(const std::byte* block, std::size_t at, std::size_t size,
                              const Neighbours& around) const noexcept {
    if (around.before_end > at || around.after < at + size) return false;
    if (!is_plausible_end(block, at + size, around.after)) return false;
    if (!is_hardened || block != base_ + at) return true;
    return is_plausible_begin(header::load(block),
                              around.before != none && around.before_end == at);
  }

  // Frees the bytes [from, block_size) of a block, and returns the size of the hole that they are
  // now part of; 0, and nothing has changed, if they are not allocated.
  [[nodiscard]] std::size_t take_back(std::byte* block, std::size_t from,
                                      std::size_t block_size) noexcept {
    if (!inside(block, block_size)) return 0;
    const std::size_t at = static_cast<std::size_t>(block - base_) + from;
    const std::size_t size = block_size - from;
    const Neighbours around = neighbours_of(at);
    if (!is_taken(block, at, size, around)) return 0;
    instrument::poison_free(base_ + at, size);
    free_ += size;
    std::size_t start = at;
    std::size_t end = at + size;
    std::size_t next = around.after;
    if (around.after == end && around.after < capacity_) {  // merge with the hole behind
      const Hole after = read_hole(around.after);
      end += after.size;
      next = after.next;
      if constexpr (is_hardened) wipe(around.after, after.size);
    }
    if constexpr (is_hardened) {
      if (from == 0) header::store(block, header::hole);  // no address
      if (end < capacity_) (void)header::set(base_ + end, header::hole_before);
    }
    if (around.before != none && around.before_end == at) {  // merge with the hole in front
      start = around.before;
      if constexpr (is_hardened) forget_end(start, at);
    } else {
      set_next(around.before, at);
    }
    if (skipped_ != none && start <= skipped_) {
      skipped_ = start == around.before ? around.second : around.before;
    }
    write_hole(start, end - start, next);
    // So that a second free of the block is detected: this word is now inside a hole, but not one
    // of the hole's own words.
    if (checks_enabled && at - start > word_bytes) {
      header::store(base_ + at, header::load(base_ + at) | header::hole);
    }
    return end - start;
  }

  // Clears the last word of the hole at `start`, which no longer ends at `end`.
  void forget_end(std::size_t start, std::size_t end) noexcept {
    if (end - start > 2 * word_bytes) write_word(end - word_bytes, 0);
  }

  // Removes [at + padding, at + padding + size) from the hole at `at`. What is left in front of it
  // and behind it stays free, as one or two holes.
  void split_hole(std::size_t before, std::size_t at, Hole hole, std::size_t padding,
                  std::size_t size) noexcept {
    const std::size_t rest = hole.size - padding - size;
    std::size_t next = hole.next;
    if constexpr (is_hardened) {
      wipe(at, hole.size);
      const std::size_t end = at + hole.size;
      if (rest == 0 && end < capacity_) header::clear(base_ + end, header::hole_before);
    }
    if (rest > 0) {
      write_hole(at + padding + size, rest, hole.next);
      next = at + padding + size;
    }
    if (padding > 0) {
      write_hole(at, padding, next);
    } else {
      set_next(before, next);
    }
    free_ -= size;
  }

  std::size_t skipped_ = none;  // it and all holes before it are of one word: no search meets them
  std::size_t free_ = 0;
};

static_assert(RawHeap<FirstFit>);

}  // namespace mneme::inline MNEME_SETTINGS
