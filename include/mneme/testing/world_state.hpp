// purpose: what tells the states of a world apart, and what is known of a state.
// layer: testing; includes world_base.
// threads: one.
// invariants: no address is part of it: blocks are known by their place in the region.
#pragma once

#include "world_base.hpp"

namespace mneme::inline MNEME_SETTINGS::testing {

inline Object::Object(WorldBase& world, std::string name)
    : world_{world}, name_{std::move(name)}, index_{world.add_object(*this)} {}

inline std::size_t WorldBase::add_object(Object& object) {
  objects_.push_back(&object);
  return objects_.size() - 1;
}

inline void WorldBase::close_heap(std::size_t heap) {
  WorldHeap& of = heaps_[heap];
  of.look(of.heap);
  while (true) {
    const auto left = std::ranges::find(blocks_, heap, &Block::heap);
    if (left == blocks_.end()) break;
    if (!left->is_freed) leaked_.push_back(*left);
    of.raw->give_back_next(left->start, left->size);
    blocks_.erase(left);
    of.look(of.heap);
  }
}

inline const Block* WorldBase::block_at(const std::byte* start) const {
  const auto found = std::ranges::find(blocks_, start, &Block::start);
  return found == blocks_.end() ? nullptr : &*found;
}

inline void WorldBase::move_block(const void* payload, std::size_t owner) {
  if (payload == nullptr) return;
  const auto* const start = static_cast<const std::byte*>(payload) - word_bytes;
  const auto found = std::ranges::find(blocks_, start, &Block::start);
  if (found == blocks_.end()) return;
  // The order of a task's blocks is that in which it received them.
  Block block = *found;
  blocks_.erase(found);
  block.owner = owner;
  if (owner < tasks_.size()) block.receipt = tasks_[owner].receipts++;
  blocks_.push_back(block);
}

inline std::span<const std::byte> WorldBase::identity() {
  identity_.clear();
  const std::size_t count = tasks_.size();
  order_.resize(count);
  twins_.resize(count);
  parts_.resize(count);
  for (std::size_t task = 0; task < count; ++task) {
    order_[task] = twins_[task] = task;
    parts_[task].clear();
    put_task(task);
  }
  for (std::size_t first = 0; first < count;) {
    std::size_t end = first + 1;
    while (end < count && tasks_[end].program == tasks_[first].program) ++end;
    if (end - first > 1) sort_identity(first, end);
    first = end;
  }
  for (const std::size_t task : order_) {
    put(identity_, static_cast<std::uint32_t>(parts_[task].size()));
    identity_.insert(identity_.end(), parts_[task].begin(), parts_[task].end());
  }
  for (const Block& block : blocks_) {
    if (block.owner == nobody) put_block(identity_, block);
  }
  for (const Object* const object : objects_) object->put_identity(identity_);
  for (const WorldHeap& heap : heaps_) heap.raw->put_identity(identity_);
  return identity_;
}

/// Identical tasks may change places.
inline void WorldBase::sort_identity(std::size_t first, std::size_t end) {
  for (std::size_t task = first; task < end; ++task) {
    for (std::size_t other = first; other < task && twins_[task] == task; ++other) {
      if (parts_[other] == parts_[task]) twins_[task] = other;
    }
  }
  std::ranges::sort(std::span(order_).subspan(first, end - first),
                    [&](std::size_t a, std::size_t b) { return parts_[a] < parts_[b]; });
}

inline void WorldBase::put_task(std::size_t task) {
  const TaskRecord& at = tasks_[task];
  Bytes& to = parts_[task];
  put(to, at.operations);
  put(to, at.history);
  put(to, static_cast<std::uint8_t>(at.is_waiting ? 1 : 0));
  put(to, static_cast<std::uint8_t>(at.due.size()));
  put(to, static_cast<std::uint8_t>(at.freed.size()));
  put(to, static_cast<std::uint8_t>(switches_ == Switches::waits && executed_ == task ? 1 : 0));
  for (const WorldHeap& heap : heaps_) {
    for (std::size_t place = 0; place < heap.queue.size(); ++place) {
      if (heap.queue[place] == task) put(to, static_cast<std::uint8_t>(place + 1));
    }
    put(to, std::uint8_t{0});
  }
  for (const Block& block : blocks_) {
    if (block.owner != task) continue;
    put(to, block.receipt);
    put_block(to, block);
  }
}

inline void WorldBase::put_block(Bytes& to, const Block& block) const {
  put(to, static_cast<std::uint32_t>(block.start - heaps_[block.heap].base));
  put(to, static_cast<std::uint32_t>(block.size));
  put(to, static_cast<std::uint8_t>(block.heap));
}

inline void WorldBase::put_place(Bytes& to, const void* payload) const {
  if (payload == nullptr) return;
  const Block* const block = block_at(static_cast<const std::byte*>(payload) - word_bytes);
  if (block != nullptr) put_block(to, *block);
}

inline bool WorldBase::has_lasting_request() const {
  return std::ranges::any_of(heaps_, [&](const WorldHeap& heap) {
    return std::ranges::any_of(heap.queue, [&](std::size_t task) {
      return tasks_[task].is_other_type || !tasks_[task].next->can_time_out();
    });
  });
}

inline bool WorldBase::has_unfinished() const {
  for (std::size_t task = 0; task < tasks_.size(); ++task) {
    const bool is_endless = (endless_ >> tasks_[task].program & 1) != 0;
    if (!is_endless && !tasks_[task].is_isr && !is_done(task)) return true;
  }
  return false;
}

inline std::uint64_t WorldBase::blocking_objects() const {
  std::uint64_t blocking = 0;
  for (std::size_t task = 0; task < tasks_.size(); ++task) {
    const TaskRecord& at = tasks_[task];
    if (at.is_isr || at.is_waiting || !at.freed.empty() || at.next == nullptr) continue;
    if (!at.next->can_go()) blocking |= at.next->blocking();
  }
  return blocking;
}

inline void WorldBase::observe(Observed& seen) const {
  const WorldHeap& heap = heaps_.front();
  seen.peak_bytes = std::max(seen.peak_bytes, heap.used(heap.heap));
  seen.least_growth = std::min(seen.least_growth, missed_growth_);
  if (!heap.queue.empty()) {
    seen.waits = true;
    const BlockLayout wanted = tasks_[heap.queue.front()].wanted;
    const bool is_known = heap.raw->knows_growth(wanted);
    seen.least_growth =
        std::min(seen.least_growth, is_known ? heap.raw->missing_at_end(wanted) : word_bytes);
  }
}

}  // namespace mneme::inline MNEME_SETTINGS::testing
