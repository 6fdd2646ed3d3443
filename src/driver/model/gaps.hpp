// purpose: the free stretches of a region, found by address and, on demand, by size.
// layer: model; includes the standard library only.
// threads: one owner.
// invariants: gaps are in address order, inside the region, and never touch; each call takes time
//   logarithmic in their number, except all() and the first search for an alignment.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <span>
#include <vector>

namespace mneme::driver {

/// The word size of the heap under test.
inline constexpr std::size_t model_word_bytes = 8;

/// A free stretch of the region.
struct Gap {
  std::size_t offset = 0;
  std::size_t size = 0;
};

/// The size of the largest block that fits into the gap, if its payload follows a header of one
/// word and is aligned to `align`; 0 if there is none.
[[nodiscard]] std::size_t room_in(Gap gap, std::size_t align);

class Gaps {
 public:
  /// `parts`: the free memory at first, in address order. Gaps of two parts never merge.
  explicit Gaps(std::span<const Gap> parts);
  explicit Gaps(std::size_t capacity_bytes) : Gaps(std::array{Gap{0, capacity_bytes}}) {}

  /// Whether all bytes of a block are free.
  [[nodiscard]] bool contain(Gap block) const {
    const auto at = by_end_.upper_bound(block.offset);
    return at != by_end_.end() && at->second <= block.offset &&
           block.size <= at->first - block.offset;
  }
  /// The size of the gap that begins at this offset; 0 if none does.
  [[nodiscard]] std::size_t size_at(std::size_t offset) const {
    const auto at = by_end_.upper_bound(offset);
    return at != by_end_.end() && at->second == offset ? at->first - offset : 0;
  }
  /// The size of the largest block with this alignment that fits into any gap. The first call for
  /// an alignment visits all gaps; from then on their sizes are kept sorted.
  [[nodiscard]] std::size_t largest_room(std::size_t align);

  /// Removes a block that one gap contains: it is no longer free.
  void remove(Gap block);
  /// Adds a block that was not free.
  void add(Gap block);

  [[nodiscard]] std::vector<Gap> all() const;

 private:
  using Map = std::map<std::size_t, std::size_t>;

  /// For each size, the number of gaps whose largest block has it.
  struct Rooms {
    std::size_t align = 0;
    Map counts{};
  };
  /// Nodes that were taken out of the maps, to be put in again: a step does both, and would call
  /// malloc and free for each. A copy starts without any.
  struct SpareNodes {
    SpareNodes() = default;
    SpareNodes(const SpareNodes& /*other*/) {}
    SpareNodes& operator=(const SpareNodes& /*other*/) { return *this; }
    ~SpareNodes() = default;

    std::vector<Map::node_type> nodes{};
  };

  [[nodiscard]] bool is_wall(std::size_t offset) const {
    return std::ranges::find(walls_, offset) != walls_.end();
  }
  void put(Map& map, Map::iterator behind, std::size_t key, std::size_t value);
  void drop(Map& map, Map::iterator at) { spare_.nodes.push_back(map.extract(at)); }
  void count(std::size_t begin, std::size_t end);
  void discount(std::size_t begin, std::size_t end);

  Map by_end_;                      // from the end of each gap to its beginning
  std::vector<std::size_t> walls_;  // the borders between adjacent parts
  std::vector<Rooms> rooms_;        // one for each alignment searched for so far
  SpareNodes spare_;
};

}  // namespace mneme::driver
