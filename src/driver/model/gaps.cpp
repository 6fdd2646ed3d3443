// purpose: removes blocks from gaps, and adds them back.
// layer: model; includes gaps.
// threads: one owner.
// invariants: see gaps.hpp.
#include "gaps.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace mneme::driver {

std::size_t room_in(Gap gap, std::size_t align) {
  const auto payload = static_cast<unsigned __int128>(gap.offset) + model_word_bytes;
  const auto aligned = (payload + align - 1) & ~static_cast<unsigned __int128>(align - 1);
  const auto block = aligned - model_word_bytes;
  const std::size_t end = gap.offset + gap.size;
  return block < end ? end - static_cast<std::size_t>(block) : 0;
}

Gaps::Gaps(std::span<const Gap> parts) {
  for (const Gap part : parts.subspan(1)) walls_.push_back(part.offset);
  for (const Gap part : parts) {
    const std::size_t end = part.offset + part.size;
    if (part.size > 0) table_.insert(table_.end(), {.end = end, .begin = part.offset});
  }
}

std::size_t Gaps::largest_room(std::size_t align) {
  auto rooms = std::ranges::find(rooms_, align, &Rooms::align);
  if (rooms == rooms_.end()) {
    rooms = rooms_.insert(rooms, Rooms{.align = align});
    table_.for_each([&](GapTable::Entry each) {
      count_room(*rooms, room_in({each.begin, each.end - each.begin}, align));
    });
  }
  return rooms->largest_bytes();
}

void Gaps::remove(Gap block) {
  const GapTable::Place at = find(block.offset);
  found_.is_valid = false;
  const auto [end, begin] = table_.at(at);
  const std::size_t block_end = block.offset + block.size;
  discount(begin, end);
  if (begin < block.offset) count(begin, block.offset);
  if (block_end < end) count(block_end, end);
  if (block_end == end) {
    if (begin == block.offset) return table_.erase(at);
    return table_.set_end(at, block.offset);
  }
  table_.set_begin(at, block_end);
  if (begin < block.offset) table_.insert(at, {.end = block.offset, .begin = begin});
}

void Gaps::add(Gap block) {
  found_.is_valid = false;
  std::size_t begin = block.offset;
  const std::size_t end = block.offset + block.size;
  GapTable::Place before = table_.end();
  GapTable::Place behind = begin == 0 ? table_.first_behind(0) : table_.first_behind(begin - 1);
  if (behind != table_.end() && table_.at(behind).end == begin) {
    if (!is_wall(begin)) before = behind;
    behind = table_.next(behind);
  }
  const bool joins_before = before != table_.end();
  const bool joins_behind =
      behind != table_.end() && table_.at(behind).begin == end && !is_wall(end);
  if (joins_before) {
    begin = table_.at(before).begin;
    discount(begin, block.offset);
  }
  if (joins_behind) {
    const std::size_t behind_end = table_.at(behind).end;
    discount(end, behind_end);
    count(begin, behind_end);
    table_.set_begin(behind, begin);
    if (joins_before) table_.erase(before);
    return;
  }
  count(begin, end);
  if (joins_before) return table_.set_end(before, end);
  table_.insert(behind, {.end = end, .begin = begin});
}

std::vector<Gap> Gaps::all() const {
  std::vector<Gap> gaps;
  table_.for_each(
      [&](GapTable::Entry each) { gaps.push_back({each.begin, each.end - each.begin}); });
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
