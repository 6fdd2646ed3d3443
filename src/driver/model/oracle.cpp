// purpose: the naive model itself.
// layer: model; includes oracle.
// threads: one owner.
// invariants: see oracle.hpp.
#include "oracle.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>

namespace mneme::driver {

namespace {

constexpr std::size_t word = model_word_bytes;
constexpr std::size_t header = word;

std::string_view words_for(Answer answer) {
  switch (answer) {
    case Answer::granted: return "granted";
    case Answer::waiting: return "waiting";
    case Answer::refused: return "refused";
    case Answer::closed: return "closed";
    case Answer::would_wait: return "would wait";
  }
  return "?";
}

// Out of line, as correct results need none of it.
[[gnu::noinline]] std::string wrong_answer(Answer expected, Answer seen) {
  return fmt::format("the result is {}, expected {}", words_for(seen), words_for(expected));
}

Mismatch compare_answers(Answer expected, Answer seen) {
  if (expected == seen) return std::nullopt;
  return wrong_answer(expected, seen);
}

[[gnu::noinline]] std::string wrong_place(fmt::format_string<std::size_t&, std::size_t&> text,
                                          std::size_t place, std::size_t bytes) {
  return fmt::format(text, place, bytes);
}

}  // namespace

Oracle::Oracle(OracleMemory memory, OracleQueue queue)
    : memory_{std::move(memory)}, queue_{queue}, gaps_{memory_.parts} {
  for (const Gap part : memory_.parts) capacity_ += part.size;
  free_bytes_ = capacity_;
}

// The size of the block for a payload: header and payload, rounded up; 0 if it exceeds the region.
std::size_t Oracle::block_size(std::size_t payload_bytes) const {
  if (payload_bytes > capacity_) return 0;
  const std::size_t rounded = (payload_bytes + header + word - 1) / word * word;
  return rounded > capacity_ ? 0 : std::max(rounded, 2 * word);
}

// Of the region, by a block of this size; 0 if it cannot be.
std::size_t Oracle::taken_size(std::size_t block_bytes) const {
  if (memory_.slot_bytes == 0) return block_bytes;
  return block_bytes == 0 || block_bytes > memory_.slot_bytes ? 0 : memory_.slot_bytes;
}

BlockId Oracle::add(std::size_t payload_bytes, std::size_t align_bytes, std::uint8_t level) {
  Block block;
  block.level = level;
  block.asked = block_size(payload_bytes);
  block.size = taken_size(block.asked);
  block.align = std::max(align_bytes, word);
  block.overflows = payload_bytes > SIZE_MAX - 2 * word + 1;
  return add(block);
}

BlockId Oracle::add_lock(std::uint8_t level) {
  Block block;
  block.level = level;
  block.is_lock = true;
  return add(block);
}

BlockId Oracle::add(Block block) {
  if (unused_.empty()) {
    blocks_.push_back(block);
    return static_cast<BlockId>(blocks_.size() - 1);
  }
  const BlockId id = unused_.back();
  unused_.pop_back();
  blocks_[id] = block;
  return id;
}

void Oracle::forget(BlockId id) { unused_.push_back(id); }

bool Oracle::fits(Gap gap, std::size_t size, std::size_t align) {
  return room_in(gap, align) >= size;
}

[[gnu::always_inline]] inline bool Oracle::impossible(std::size_t size, std::size_t align) const {
  if (memory_.slot_bytes != 0 && align > memory_.slot_align) return true;
  return size == 0 ||
         std::ranges::none_of(memory_.parts, [&](Gap part) { return fits(part, size, align); });
}

Oracle::Room Oracle::room_for(std::size_t size, std::size_t align) {
  if (gaps_.largest_room(align) < size) return Room::none;
  const bool is_exact = align <= memory_.exact_align_max || free_bytes_ == capacity_;
  const bool is_sure = is_exact || gaps_.largest_room(word) - size >= align - word;
  return is_sure ? Room::enough : Room::some;
}

// Whether a request that need not queue should be granted. Where the raw heap is free to choose,
// the library's answer decides: a block inside a gap proves that there was room.
[[gnu::always_inline]] inline bool Oracle::is_granted(BlockId id, Answer answer,
                                                      std::size_t offset) {
  const bool was_granted = answer == Answer::granted;
  if (was_granted && gaps_.contain({offset, blocks_[id].size})) return true;
  const Room room = room_for(id);
  return room == Room::enough || (room == Room::some && was_granted);
}

// Checks the place of a new block: it must be inside one gap (so it overlaps nothing and does not
// leave the region), start at a whole word, and have an aligned payload.
[[gnu::always_inline]] inline Mismatch Oracle::place(Grant grant) {
  Block& block = blocks_[grant.id];
  if (!gaps_.contain({grant.offset, block.size})) {
    return wrong_place("the block at {} ({} bytes) is not in free memory", grant.offset,
                       block.size);
  }
  if (grant.offset % word != 0 || ((grant.offset + header) & (block.align - 1)) != 0) {
    return wrong_place("the payload at {} is not aligned to {}", grant.offset + header,
                       block.align);
  }
  const std::size_t slot = memory_.slot_bytes;
  if (slot != 0 && (grant.offset - memory_.parts.front().offset) % slot != 0) {
    return wrong_place("the block at {} is not where a slot of {} bytes begins", grant.offset,
                       slot);
  }
  gaps_.remove({grant.offset, block.size});
  free_bytes_ -= block.size;
  block.offset = grant.offset;
  block.live_index = static_cast<std::uint32_t>(live_.size());
  live_.push_back(grant.id);
  return std::nullopt;
}

[[gnu::always_inline]] inline void Oracle::make_gap(Gap gap) {
  gaps_.add(gap);
  free_bytes_ += gap.size;
}

// A ticket of a higher level is smaller; within one, that of an older request is.
void Oracle::enqueue(BlockId id) {
  constexpr std::uint64_t level_shift = 48;
  const std::uint64_t below = UINT8_MAX - blocks_[id].level;
  blocks_[id].ticket = (below << level_shift) + ++tickets_;
  blocks_[id].passed = 0;
  waiting_.emplace(blocks_[id].ticket, id);
}

void Oracle::dequeue(BlockId id) { waiting_.erase(std::exchange(blocks_[id].ticket, 0)); }

[[gnu::always_inline]] inline void Oracle::remove_live(BlockId id) {
  const std::uint32_t index = blocks_[id].live_index;
  live_[index] = live_.back();
  blocks_[live_[index]].live_index = index;
  live_.pop_back();
}

[[gnu::always_inline]] inline void Oracle::reclaim_all() {
  for (const BlockId id : deferred_) {
    make_gap({blocks_[id].offset, blocks_[id].size});
    forget(id);
  }
  deferred_.clear();
}

// The request that must be granted now, if any: the first that fits, of those that may pass all
// before them. Only with overtaking may any pass another.
std::optional<BlockId> Oracle::next_granted(std::span<const Grant> grants) {
  constexpr std::size_t looked_at = 17;  // the head, and 16 behind it
  const bool overtakes = queue_.kind == OracleQueue::Kind::overtaking;
  std::size_t place = 0;
  for (const BlockId id : queue()) {
    const Room room = room_for(id);
    const bool was_granted = !grants.empty() && (!overtakes || grants.front().id == id);
    if (room == Room::enough || (room == Room::some && was_granted)) return id;
    if (!overtakes || blocks_[id].passed >= queue_.number || ++place == looked_at) break;
  }
  return std::nullopt;
}

// Of those that wait before it.
void Oracle::count_passed(BlockId granted) {
  if (queue_.kind != OracleQueue::Kind::overtaking) return;
  for (const BlockId id : queue()) {
    if (id == granted) return;
    ++blocks_[id].passed;
  }
}

Mismatch Oracle::grant_waiting(std::span<const Grant> grants) {
  while (const std::optional<BlockId> next = next_granted(grants)) {
    if (grants.empty()) {
      return *next == waiting_.begin()->second
                 ? "the oldest waiting request fits but was not granted (P1)"
                 : "a waiting request that may pass others fits but was not granted (P1)";
    }
    if (grants.front().id != *next) return "a request was granted out of order (P2)";
    count_passed(*next);
    dequeue(*next);
    const Grant grant = grants.front();
    grants = grants.subspan(1);
    if (blocks_[*next].is_lock) {
      take_lock(*next);
      break;
    }
    if (auto mismatch = place(grant)) return mismatch;
  }
  return none_granted(grants);
}

void Oracle::take_lock(BlockId id) {
  locked_ = true;
  forget(id);
}

// After an attempt that got no memory: the heap was locked, unless the size alone ruled it out.
Mismatch Oracle::after_attempt(BlockId id, std::span<const Grant> grants) {
  return locked_ || blocks_[id].overflows ? none_granted(grants) : settle(grants);
}

[[gnu::flatten]] Mismatch Oracle::request(BlockId id, Answer answer, std::size_t offset,
                                          std::span<const Grant> grants) {
  const bool is_lock = blocks_[id].is_lock;
  if (!is_lock && impossible(blocks_[id].size, blocks_[id].align)) {
    if (auto mismatch = compare_answers(Answer::refused, answer)) return mismatch;
    // With others waiting, it is refused by its layout alone.
    return waiting_.empty() ? after_attempt(id, grants) : none_granted(grants);
  }
  if (!locked_) reclaim();
  const bool may_grant = !closed_ && !locked_ && waiting_.empty();
  if (may_grant && (is_lock || is_granted(id, answer, offset))) {
    if (auto mismatch = compare_answers(Answer::granted, answer)) return mismatch;
    if (is_lock) {
      take_lock(id);
    } else if (auto mismatch = place({id, offset}))
      return mismatch;
  } else if (auto mismatch = compare_answers(closed_ ? Answer::closed : Answer::waiting, answer)) {
    return mismatch;
  } else if (!closed_) {
    enqueue(id);
  }
  return locked_ ? none_granted(grants) : settle(grants);
}

Mismatch Oracle::try_now(BlockId id, Answer answer, std::size_t offset,
                         std::span<const Grant> grants) {
  if (impossible(blocks_[id].size, blocks_[id].align) || locked_) {
    if (auto mismatch = compare_answers(Answer::would_wait, answer)) return mismatch;
    return after_attempt(id, grants);
  }
  reclaim();
  const bool now = !closed_ && waiting_.empty() && is_granted(id, answer, offset);
  if (auto mismatch = compare_answers(now ? Answer::granted : Answer::would_wait, answer)) {
    return mismatch;
  }
  if (now) {
    if (auto mismatch = place({id, offset})) return mismatch;
  }
  return settle(grants);
}

Mismatch Oracle::through_guard(BlockId id, Answer answer, std::size_t offset) {
  if (!blocks_[id].overflows && !closed_) reclaim();
  const bool now = !impossible(blocks_[id].size, blocks_[id].align) && !closed_ &&
                   is_granted(id, answer, offset);
  if (auto mismatch = compare_answers(now ? Answer::granted : Answer::would_wait, answer)) {
    return mismatch;
  }
  return now ? place({id, offset}) : std::nullopt;
}

[[gnu::flatten]] Mismatch Oracle::release(BlockId id, bool defer, std::span<const Grant> grants) {
  remove_live(id);
  deferred_.push_back(id);
  return locked_ || defer ? none_granted(grants) : settle(grants);
}

Mismatch Oracle::cancel(BlockId id, std::span<const Grant> grants) {
  if (blocks_[id].ticket != 0) {
    dequeue(id);
    forget(id);
    return locked_ ? none_granted(grants) : settle(grants);
  }
  return release(id, false, grants);  // it was granted already
}

Mismatch Oracle::unlock(std::span<const Grant> grants) {
  locked_ = false;
  return settle(grants);
}

Mismatch Oracle::poll(std::span<const Grant> grants) {
  return locked_ ? none_granted(grants) : settle(grants);
}

Mismatch Oracle::extend(std::size_t bytes, std::span<const Grant> grants) {
  gaps_.extend_to(extent_bytes() + bytes);
  make_gap({extent_bytes(), bytes});
  memory_.parts.back().size += bytes;
  capacity_ += bytes;
  return settle(grants);
}

Mismatch Oracle::close(std::span<const BlockId> closed) {
  closed_ = true;
  if (!std::ranges::equal(closed, queue()))
    return "close did not complete all waiting requests in order (P13)";
  for (const BlockId id : queue()) forget(id);
  waiting_.clear();
  if (!locked_) reclaim();
  return std::nullopt;
}

Mismatch Oracle::compare(const Figures& seen) const {
  const Figures expected = figures();
  if (seen == expected) return std::nullopt;
  const auto differs = [](std::string_view what, std::size_t is, std::size_t right) -> Mismatch {
    if (is == right) return std::nullopt;
    return fmt::format("{} is {}, expected {}", what, is, right);
  };
  if (auto mismatch = differs("free", seen.free_bytes, expected.free_bytes)) return mismatch;
  if (auto mismatch = differs("used", seen.used_bytes, expected.used_bytes)) return mismatch;
  if (auto mismatch = differs("live", seen.live, expected.live)) return mismatch;
  if (auto mismatch = differs("waiting", seen.waiting, expected.waiting)) return mismatch;
  return differs("deferred", seen.deferred, expected.deferred);
}

std::size_t Oracle::largest_bytes() const {
  std::size_t largest = 0;
  for (const Gap gap : gaps()) largest = std::max(largest, gap.size);
  return largest;
}

std::vector<BlockId> Oracle::live_by_offset() const {
  std::vector<BlockId> ids = live_;
  std::ranges::sort(ids, {}, [&](BlockId id) { return blocks_[id].offset; });
  return ids;
}

}  // namespace mneme::driver
