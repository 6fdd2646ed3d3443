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

namespace mneme::inline MNEME_SETTINGS {

/// First fit over one region (Knuth, TAOCP 1, 2.5, algorithms A and B, with an address-ordered
/// list).
///
/// A hole is described in its own bytes. Its first word is the offset of the next hole. As offsets
/// are multiples of a word, two bits are free: bit 0 distinguishes a hole from a block's header,
/// and bit 1 marks a hole of a single word; a longer one has its size in its second word:
///
///     +------------------+--------+-- - --+        +------------------+
///     | next offset | 01 |  size  | free  |        | next offset | 11 |
///     +------------------+--------+-- - --+        +------------------+
///
/// In hardened builds a hole of three words or more has its size in its last word as well, the size
/// in the second word is mixed with the next offset, and the block behind a hole has the bit
/// header::hole_before.
///
/// Since a hole may be a single word, a block never has to be longer than its payload needs. The
/// last hole's next offset is the capacity. allocate, deallocate and resize are O(holes), and touch
/// only holes and the block itself. Alignment may leave a hole of a word behind each block:
/// searches begin behind those that come first.
class FirstFit {
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
  static constexpr std::size_t none = SIZE_MAX;
  static constexpr std::size_t one_word_flag = 2;

  struct Hole {
    std::size_t size;
    std::size_t next;
  };
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
    if (capacity_ - at < min_region_bytes) return {0, next};
    return {read_word(at + word_bytes) ^ mixed(next), next};
  }
  // Hardened builds mix this into a size, so that a change of the link in front of it is detected.
  [[nodiscard]] static constexpr std::size_t mixed(std::size_t next) noexcept {
    return is_hardened ? next * static_cast<std::size_t>(0x9E37'79B9'7F4A'7C15) : 0;
  }
  [[nodiscard]] bool plausible(std::size_t at, Hole hole) const noexcept {
    return hole.size >= word_bytes && hole.size % word_bytes == 0 && hole.size <= capacity_ - at &&
           hole.next <= capacity_ && hole.next % word_bytes == 0 && hole.next >= at + hole.size &&
           (!is_hardened || agrees(at, hole));
  }
  // Whether the words beside a hole agree with it.
  [[nodiscard]] bool agrees(std::size_t at, Hole hole) const noexcept {
    const std::size_t end = at + hole.size;
    if (hole.size > 2 * word_bytes && read_word(end - word_bytes) != hole.size) return false;
    if (hole.next < capacity_ && (read_word(hole.next) & header::hole) == 0) return false;
    if (end == capacity_) return true;
    const std::size_t behind = header::load(base_ + end);
    // Static in some builds. NOLINTNEXTLINE(readability-static-accessed-through-instance)
    return form_.is_block(behind) && (behind & header::hole_before) != 0;
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
    } else if (is_hardened) {
      write_hole(at, peek_hole(at).size, next);
    } else {
      write_word(at, next | header::hole | (read_word(at) & one_word_flag));
    }
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

  std::byte* base_ = nullptr;
  std::size_t capacity_ = 0;
  std::size_t first_ = 0;
  std::size_t skipped_ = none;  // it and all holes before it are of one word: no search meets them
  std::size_t free_ = 0;
  [[no_unique_address]] header::Form form_{};
};

static_assert(RawHeap<FirstFit>);

}  // namespace mneme::inline MNEME_SETTINGS
