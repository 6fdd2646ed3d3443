// purpose: the free stretches of a region, found by place and, once that was asked for, by size.
// layer: model; includes the standard library only.
// threads: one owner.
// invariants: gaps are in address order, inside the region, and never touch; each call takes the
//   logarithm of their number, but the first search for an alignment, and all().
#pragma once

#include <cstddef>
#include <map>
#include <vector>

namespace mneme::driver {

/// The word of the heap under test.
inline constexpr std::size_t model_word_bytes = 8;

/// A free stretch of the region.
struct Gap {
  std::size_t offset = 0;
  std::size_t size = 0;
};

/// The largest block, its payload behind one word and aligned to `align`, that can lie in the gap;
/// 0 if there is none.
[[nodiscard]] std::size_t room_in(Gap gap, std::size_t align);

class Gaps {
 public:
  explicit Gaps(std::size_t capacity_bytes) {
    if (capacity_bytes > 0) by_end_.emplace(capacity_bytes, 0);
  }

  /// Whether all bytes of a block are free.
  [[nodiscard]] bool contain(Gap block) const {
    const auto at = by_end_.upper_bound(block.offset);
    return at != by_end_.end() && at->second <= block.offset &&
           block.size <= at->first - block.offset;
  }
  /// The bytes that are free from this place on, if a gap begins here, else 0.
  [[nodiscard]] std::size_t size_at(std::size_t offset) const {
    const auto at = by_end_.upper_bound(offset);
    return at != by_end_.end() && at->second == offset ? at->first - offset : 0;
  }
  /// The largest block with this alignment that can lie in a gap. The first call for an alignment
  /// looks at all gaps; from then on their sizes are kept in order.
  [[nodiscard]] std::size_t largest_room(std::size_t align);

  /// The gaps contain the block: it is free no longer.
  void remove(Gap block);
  /// The block becomes free, which it was not.
  void add(Gap block);

  [[nodiscard]] std::vector<Gap> all() const;

 private:
  /// How many gaps have room for a block of this size at most, by size.
  struct Rooms {
    std::size_t align = 0;
    std::map<std::size_t, std::size_t> counts{};
  };

  void count(std::size_t begin, std::size_t end);
  void discount(std::size_t begin, std::size_t end);

  std::map<std::size_t, std::size_t> by_end_;  // where each begins
  std::vector<Rooms> rooms_;                   // of the alignments that were searched for
};

}  // namespace mneme::driver
