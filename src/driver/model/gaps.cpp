// purpose: removes blocks from gaps, and adds them back.
// layer: model; includes gaps.
// threads: one owner.
// invariants: see gaps.hpp.
#include "gaps.hpp"

#include <algorithm>
#include <iterator>
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
    if (part.size > 0) by_end_.emplace(end, part.offset);
  }
}

std::size_t Gaps::largest_room(std::size_t align) {
  auto rooms = std::ranges::find(rooms_, align, &Rooms::align);
  if (rooms == rooms_.end()) {
    rooms = rooms_.insert(rooms, Rooms{.align = align});
    for (const auto& [end, begin] : by_end_) ++rooms->counts[room_in({begin, end - begin}, align)];
  }
  return rooms->counts.empty() ? 0 : rooms->counts.rbegin()->first;
}

void Gaps::remove(Gap block) {
  const auto at = by_end_.upper_bound(block.offset);
  const auto [end, begin] = *at;
  const std::size_t block_end = block.offset + block.size;
  discount(begin, end);
  if (begin < block.offset) {
    put(by_end_, at, block.offset, begin);
    count(begin, block.offset);
  }
  if (block_end < end) {
    at->second = block_end;
    count(block_end, end);
  } else {
    drop(by_end_, at);
  }
}

void Gaps::add(Gap block) {
  std::size_t begin = block.offset;
  const std::size_t end = block.offset + block.size;
  auto behind = by_end_.lower_bound(begin);
  auto before = behind != by_end_.end() && behind->first == begin ? behind++ : by_end_.end();
  if (is_wall(begin)) before = by_end_.end();
  const bool joins_behind = behind != by_end_.end() && behind->second == end && !is_wall(end);
  if (before != by_end_.end()) {
    begin = before->second;
    discount(begin, before->first);
  }
  if (joins_behind) {
    discount(behind->second, behind->first);
    behind->second = begin;
    count(begin, behind->first);
    if (before != by_end_.end()) drop(by_end_, before);
    return;
  }
  count(begin, end);
  if (before == by_end_.end()) {
    put(by_end_, behind, end, begin);
  } else {
    auto node = by_end_.extract(before);
    node.key() = end;
    by_end_.insert(behind, std::move(node));
  }
}

std::vector<Gap> Gaps::all() const {
  std::vector<Gap> gaps;
  gaps.reserve(by_end_.size());
  for (const auto& [end, begin] : by_end_) gaps.push_back({begin, end - begin});
  return gaps;
}

void Gaps::put(Map& map, Map::iterator behind, std::size_t key, std::size_t value) {
  if (spare_.nodes.empty()) {
    map.emplace_hint(behind, key, value);
    return;
  }
  Map::node_type node = std::move(spare_.nodes.back());
  spare_.nodes.pop_back();
  node.key() = key;
  node.mapped() = value;
  map.insert(behind, std::move(node));
}

void Gaps::count(std::size_t begin, std::size_t end) {
  for (Rooms& rooms : rooms_) {
    const std::size_t room = room_in({begin, end - begin}, rooms.align);
    const auto at = rooms.counts.lower_bound(room);
    if (at != rooms.counts.end() && at->first == room) {
      ++at->second;
    } else {
      put(rooms.counts, at, room, 1);
    }
  }
}

void Gaps::discount(std::size_t begin, std::size_t end) {
  for (Rooms& rooms : rooms_) {
    const auto at = rooms.counts.find(room_in({begin, end - begin}, rooms.align));
    if (--at->second == 0) drop(rooms.counts, at);
  }
}

}  // namespace mneme::driver
