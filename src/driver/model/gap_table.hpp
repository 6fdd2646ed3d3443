// purpose: the ends and beginnings of gaps, sorted: a search tree of two levels.
// layer: model; includes the standard library only.
// threads: one owner.
// invariants: no chunk is empty; a chunk holds at most chunk_max gaps, and two neighbours more than
//   a quarter of that together.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

namespace mneme::driver {

/// Each gap has an end of its own, and lies before the next one. A search takes logarithmic time;
/// to insert or erase moves the rest of one chunk, and rarely the list of chunks. A std::map took
/// twice the instructions, as each step of a script inserts or erases a gap.
class GapTable {
 public:
  struct Entry {
    std::size_t end = 0;
    std::size_t begin = 0;
  };
  /// Valid until a gap is inserted or erased.
  struct Place {
    std::size_t chunk = 0;
    std::size_t index = 0;

    [[nodiscard]] bool operator==(const Place&) const = default;
  };

  [[nodiscard]] Place end() const { return {order_.size(), 0}; }
  [[nodiscard]] const Entry& at(Place place) const {
    return chunk(place.chunk).entries[place.index];
  }
  /// The first gap that ends behind the offset.
  [[nodiscard]] Place first_behind(std::size_t offset) const {
    const auto number =
        static_cast<std::size_t>(std::ranges::upper_bound(last_ends_, offset) - last_ends_.begin());
    if (number == order_.size()) return end();
    const Chunk& inside = chunk(number);
    const auto* const found =
        std::upper_bound(inside.entries.data(), inside.entries.data() + inside.size, offset,
                         [](std::size_t value, const Entry& each) { return value < each.end; });
    return {number, static_cast<std::size_t>(found - inside.entries.data())};
  }
  [[nodiscard]] Place next(Place place) const {
    if (place.index + 1 < chunk(place.chunk).size) return {place.chunk, place.index + 1};
    return {place.chunk + 1, 0};
  }

  void set_begin(Place place, std::size_t begin) { entry(place).begin = begin; }
  /// The new end must lie before those of the gaps behind it.
  void set_end(Place place, std::size_t end) {
    entry(place).end = end;
    note_last(place.chunk);
  }
  /// Inserts a gap before the one at `place`, or at the end.
  void insert(Place place, Entry added) {
    if (order_.empty()) add_chunk(0);
    if (place == end()) place = {order_.size() - 1, chunk(order_.size() - 1).size};
    if (chunk(place.chunk).size == chunk_max) place = split(place);
    Chunk& into = chunk(place.chunk);
    Entry* const at = into.entries.data() + place.index;
    std::copy_backward(at, into.entries.data() + into.size, into.entries.data() + into.size + 1);
    *at = added;
    ++into.size;
    note_last(place.chunk);
  }
  void erase(Place place) {
    Chunk& from = chunk(place.chunk);
    Entry* const at = from.entries.data() + place.index;
    std::copy(at + 1, from.entries.data() + from.size, at);
    if (--from.size == 0) return drop_chunk(place.chunk);
    note_last(place.chunk);
    if (place.chunk + 1 < order_.size()) merge_with_next(place.chunk);
    if (place.chunk > 0) merge_with_next(place.chunk - 1);
  }

  template <class F>
  void for_each(F each) const {
    for (const std::size_t number : order_) {
      const Chunk& chunk = chunks_[number];
      for (std::size_t index = 0; index < chunk.size; ++index) each(chunk.entries[index]);
    }
  }

 private:
  static constexpr std::size_t chunk_max = 32;

  struct Chunk {
    std::array<Entry, chunk_max> entries{};
    std::size_t size = 0;
  };

  [[nodiscard]] static std::ptrdiff_t signed_of(std::size_t index) {
    return static_cast<std::ptrdiff_t>(index);
  }
  [[nodiscard]] const Chunk& chunk(std::size_t number) const { return chunks_[order_[number]]; }
  [[nodiscard]] Chunk& chunk(std::size_t number) { return chunks_[order_[number]]; }
  [[nodiscard]] Entry& entry(Place place) { return chunk(place.chunk).entries[place.index]; }
  void note_last(std::size_t number) {
    const Chunk& changed = chunk(number);
    last_ends_[number] = changed.entries[changed.size - 1].end;
  }
  void add_chunk(std::size_t number) {
    if (spare_.empty()) {
      spare_.push_back(chunks_.size());
      chunks_.emplace_back();
    }
    order_.insert(order_.begin() + signed_of(number), spare_.back());
    last_ends_.insert(last_ends_.begin() + signed_of(number), 0);
    spare_.pop_back();
  }
  void drop_chunk(std::size_t number) {
    chunk(number).size = 0;
    spare_.push_back(order_[number]);
    order_.erase(order_.begin() + signed_of(number));
    last_ends_.erase(last_ends_.begin() + signed_of(number));
  }
  /// Moves the second half of a full chunk into a new one. Returns where the place is now.
  [[nodiscard]] Place split(Place place) {
    constexpr std::size_t half = chunk_max / 2;
    add_chunk(place.chunk + 1);
    Chunk& first = chunk(place.chunk);
    Chunk& second = chunk(place.chunk + 1);
    std::copy_n(first.entries.begin() + half, half, second.entries.begin());
    first.size = second.size = half;
    note_last(place.chunk);
    note_last(place.chunk + 1);
    return place.index <= half ? place : Place{place.chunk + 1, place.index - half};
  }
  void merge_with_next(std::size_t number) {
    Chunk& first = chunk(number);
    const Chunk& second = chunk(number + 1);
    if (first.size + second.size > chunk_max / 4) return;
    std::copy_n(second.entries.begin(), second.size, first.entries.begin() + signed_of(first.size));
    first.size += second.size;
    note_last(number);
    drop_chunk(number + 1);
  }

  std::vector<Chunk> chunks_;
  std::vector<std::size_t> spare_;      // chunks that are not in use
  std::vector<std::size_t> order_;      // the chunks that are, by number in address order
  std::vector<std::size_t> last_ends_;  // of each of these
};

}  // namespace mneme::driver
