// purpose: removes blocks from gaps, and adds them back.
// layer: model; includes gaps.
// threads: one owner.
// invariants: see gaps.hpp.
#include "gaps.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace mneme::driver {

Gaps::Gaps(std::span<const Gap> parts) {
  if (parts.empty()) return;
  extend_to(parts.back().offset + parts.back().size);
  for (const Gap part : parts.subspan(1)) walls_.push_back(part.offset);
  for (const Gap part : parts) {
    if (part.size > 0) add(part);
  }
}

std::size_t Gaps::largest_room(std::size_t align) {
  auto rooms = std::ranges::find(rooms_, align, &Rooms::align);
  if (rooms == rooms_.end()) {
    rooms = rooms_.insert(rooms, Rooms{.align = align});
    for (const Gap gap : all()) count_room(*rooms, room_in(gap, align));
  }
  return rooms->largest_bytes();
}

void Gaps::remove(Gap block) {
  const auto [begin, end] = find(block.offset);
  found_.is_valid = false;
  const std::size_t block_end = block.offset + block.size;
  discount(begin, end);
  if (begin < block.offset) {
    count(begin, block.offset);
    ends_.insert(block.offset / model_word_bytes);
  } else {
    begins_.erase(begin / model_word_bytes);
  }
  if (block_end < end) {
    count(block_end, end);
    begins_.insert(block_end / model_word_bytes);
  } else {
    ends_.erase(end / model_word_bytes);
  }
}

void Gaps::add(Gap block) {
  found_.is_valid = false;
  const std::size_t first = block.offset / model_word_bytes;
  const std::size_t last = (block.offset + block.size) / model_word_bytes;
  std::size_t begin = first;
  std::size_t end = last;
  if (ends_.contains(first) && !is_wall(block.offset)) {
    if (!rooms_.empty()) begin = begins_.last_before(first);
    discount(begin * model_word_bytes, block.offset);
    ends_.erase(first);
  } else {
    begins_.insert(first);
  }
  if (begins_.contains(last) && !is_wall(block.offset + block.size)) {
    if (!rooms_.empty()) end = ends_.first_from(last + 1);
    discount(last * model_word_bytes, end * model_word_bytes);
    begins_.erase(last);
  } else {
    ends_.insert(last);
  }
  count(begin * model_word_bytes, end * model_word_bytes);
}

std::vector<Gap> Gaps::all() const {
  std::vector<Gap> gaps;
  for (std::size_t begin = begins_.first_from(0); begin != WordSet::none;
       begin = begins_.first_from(begin + 1)) {
    const std::size_t end = ends_.first_from(begin + 1);
    gaps.push_back({begin * model_word_bytes, (end - begin) * model_word_bytes});
  }
  return gaps;
}

std::size_t Gaps::Rooms::largest_bytes() const {
  if (!longer.empty()) return longer.rbegin()->first;
  for (std::size_t at = bits.size(); at-- > 0;) {
    if (bits[at] != 0) return (at * 64 + std::bit_width(bits[at]) - 1) * model_word_bytes;
  }
  return 0;
}

void Gaps::count_room(Rooms& rooms, std::size_t room_bytes) {
  const std::size_t words = room_bytes / model_word_bytes;
  if (words < Rooms::short_words) {
    ++rooms.counts[words];
    rooms.bits[words / 64] |= std::uint64_t{1} << words % 64;
    return;
  }
  const auto at = rooms.longer.lower_bound(room_bytes);
  if (at != rooms.longer.end() && at->first == room_bytes) {
    ++at->second;
  } else if (spare_.nodes.empty()) {
    rooms.longer.emplace_hint(at, room_bytes, 1);
  } else {
    Map::node_type node = std::move(spare_.nodes.back());
    spare_.nodes.pop_back();
    node.key() = room_bytes;
    node.mapped() = 1;
    rooms.longer.insert(at, std::move(node));
  }
}

void Gaps::discount_room(Rooms& rooms, std::size_t room_bytes) {
  const std::size_t words = room_bytes / model_word_bytes;
  if (words < Rooms::short_words) {
    if (--rooms.counts[words] == 0) rooms.bits[words / 64] &= ~(std::uint64_t{1} << words % 64);
    return;
  }
  const auto at = rooms.longer.find(room_bytes);
  if (--at->second == 0) spare_.nodes.push_back(rooms.longer.extract(at));
}

void Gaps::count(std::size_t begin, std::size_t end) {
  for (Rooms& rooms : rooms_) count_room(rooms, room_in({begin, end - begin}, rooms.align));
}

void Gaps::discount(std::size_t begin, std::size_t end) {
  for (Rooms& rooms : rooms_) discount_room(rooms, room_in({begin, end - begin}, rooms.align));
}

}  // namespace mneme::driver
