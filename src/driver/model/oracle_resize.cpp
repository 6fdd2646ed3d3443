// purpose: the model of a resize in place.
// layer: model; includes oracle.
// threads: one owner.
// invariants: see oracle.hpp.
#include <algorithm>
#include <utility>

#include "oracle.hpp"

namespace mneme::driver {

// As room_for, but only for the gaps in one part.
Oracle::Room Oracle::room_in_part(Gap part, std::size_t size, std::size_t align) const {
  Room room = Room::none;
  for (const Gap gap : gaps_.all()) {
    const bool is_inside = gap.offset >= part.offset && end_of(gap) <= end_of(part);
    if (!is_inside || room_in(gap, align) < size) continue;
    room = std::max(room, Room::some);
    if (align <= memory_.exact_align_max || gap.size - size >= align - model_word_bytes)
      room = Room::enough;
  }
  return room;
}

// Whether a block should grow in place. Where the raw heap may choose, `done` decides.
bool Oracle::can_grow(const Block& block, std::size_t size, bool done) {
  const std::size_t end = block.offset + block.size;
  const Gap behind{.offset = end, .size = gaps_.size_at(end)};
  const Gap part =
      *std::ranges::find_if(memory_.parts, [&](Gap each) { return block.offset < end_of(each); });
  if (end == end_of(part) || behind.size < size - block.size) return false;
  if (end + behind.size < end_of(part)) return true;
  gaps_.remove(behind);
  const bool is_alone = memory_.parts.size() == 1;
  const Room elsewhere =
      is_alone ? room_for(size, block.align) : room_in_part(part, size, block.align);
  gaps_.add(behind);
  return elsewhere == Room::none || (elsewhere == Room::some && done);
}

Mismatch Oracle::resize(BlockId id, std::size_t payload_bytes, bool done,
                        std::span<const Grant> grants) {
  Block& block = blocks_[id];
  const std::size_t asked = block_size(payload_bytes);
  const std::size_t size = taken_size(asked);
  if (impossible(size, block.align) || locked_) {
    if (done) return "a block was resized although it could not be";
    return none_granted(grants);
  }
  reclaim();
  const std::size_t end = block.offset + block.size;
  const bool may_grow = waiting_.empty() && !closed_;
  const bool should =
      asked <= block.asked || (may_grow && (size <= block.size || can_grow(block, size, done)));
  if (should != done) {
    return done ? "a block was resized although it could not be"
                : "a block could have been resized but was not";
  }
  if (done && size < block.size) make_gap({block.offset + size, block.size - size});
  if (done && size > block.size) {
    gaps_.remove({end, size - block.size});
    free_bytes_ -= size - block.size;
  }
  if (done) {
    block.size = size;
    block.asked = asked;
  }
  return settle(grants);
}

}  // namespace mneme::driver
