// purpose: the free stretches of a region, found by address and, on demand, by size.
// layer: model; includes word_set.
// threads: one owner.
// invariants: gaps are in address order, inside the region, and never touch, but at a border of
//   two parts; each call takes time logarithmic in the region's size, except all() and the first
//   search for an alignment.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "word_set.hpp"

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
[[nodiscard]] inline std::size_t room_in(Gap gap, std::size_t align) {
  // The payload is padded to a multiple of the alignment, a power of two.
  const std::size_t padding = (0 - (gap.offset + model_word_bytes)) & (align - 1);
  return padding < gap.size ? gap.size - padding : 0;
}

class Gaps {
 public:
  /// `parts`: the free memory at first, in address order. Gaps of two parts never merge.
  explicit Gaps(std::span<const Gap> parts);
  explicit Gaps(std::size_t capacity_bytes) : Gaps(std::array{Gap{0, capacity_bytes}}) {}

  /// Whether all bytes of a block are free.
  [[nodiscard]] bool contain(Gap block) {
    const auto [begin, end] = find(block.offset);
    return begin <= block.offset && block.size <= end - block.offset;
  }
  /// The size of the gap that begins at this offset; 0 if none does.
  [[nodiscard]] std::size_t size_at(std::size_t offset) {
    const Stretch gap = find(offset);
    return gap.begin == offset ? gap.end - offset : 0;
  }
  /// The size of the largest block with this alignment that fits into any gap. The first call for
  /// an alignment visits all gaps; from then on their sizes are kept sorted.
  [[nodiscard]] std::size_t largest_room(std::size_t align);

  /// Removes a block that one gap contains: it is no longer free.
  void remove(Gap block);
  /// Adds a block that was not free.
  void add(Gap block);

  /// Longer parts: what is behind the last one can be added.
  void extend_to(std::size_t end) {
    begins_.raise_limit(end / model_word_bytes);
    ends_.raise_limit(end / model_word_bytes);
  }

  [[nodiscard]] std::vector<Gap> all() const;

 private:
  using Map = std::map<std::size_t, std::size_t>;

  /// For each size, the number of gaps whose largest block has it. Sizes of a few words are most
  /// frequent, and have an array; a bit is set if its number is not zero.
  struct Rooms {
    static constexpr std::size_t short_words = 256;

    std::size_t align = 0;
    std::array<std::uint32_t, short_words> counts{};
    std::array<std::uint64_t, short_words / 64> bits{};
    Map longer{};

    [[nodiscard]] std::size_t largest_bytes() const;
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
  /// What is free from `begin` to `end`.
  struct Stretch {
    std::size_t begin = 0;
    std::size_t end = 0;
  };
  static constexpr Stretch no_gap{.begin = SIZE_MAX, .end = SIZE_MAX};
  /// The result of a search, which serves until the gaps change: a step checks that a block is free
  /// more than once, and then removes it.
  struct Found {
    bool is_valid = false;
    std::size_t offset = 0;
    Stretch gap{};
  };

  /// The first gap that ends behind an offset, or `no_gap`.
  [[nodiscard]] Stretch find(std::size_t offset) {
    if (!found_.is_valid || found_.offset != offset) {
      found_ = {.is_valid = true, .offset = offset, .gap = search(offset)};
    }
    return found_.gap;
  }
  [[nodiscard]] Stretch search(std::size_t offset) const {
    const std::size_t end = ends_.first_from(offset / model_word_bytes + 1);
    if (end == WordSet::none) return no_gap;
    return {.begin = begins_.last_before(end) * model_word_bytes, .end = end * model_word_bytes};
  }
  [[nodiscard]] bool is_wall(std::size_t offset) const {
    return std::ranges::find(walls_, offset) != walls_.end();
  }
  void count_room(Rooms& rooms, std::size_t room_bytes);
  void discount_room(Rooms& rooms, std::size_t room_bytes);
  void count(std::size_t begin, std::size_t end);
  void discount(std::size_t begin, std::size_t end);

  WordSet begins_{0};               // the words at which a gap begins
  WordSet ends_{0};                 // those behind its last one
  std::vector<std::size_t> walls_;  // the borders between adjacent parts
  std::vector<Rooms> rooms_;        // one for each alignment searched for so far
  SpareNodes spare_;
  Found found_;
};

}  // namespace mneme::driver
