// purpose: what a state says of heaps of other sizes.
// layer: explore; includes world.
// threads: one owner.
// invariants: see world.hpp.
#include <algorithm>
#include <optional>

#include "world.hpp"

namespace mneme::driver {

/// Whether all requests to a heap take blocks of the same size, whatever their place.
bool World::has_one_size(std::size_t heap) const {
  std::optional<std::size_t> size;
  const auto is_of_it = [&](const ProgramStep& step) {
    if (!requests(step) || step.heap != heap) return true;
    if (!size) size = block_bytes(step.size_bytes);
    if (!std::ranges::all_of(step.sizes, [&](auto each) { return block_bytes(each) == *size; })) {
      return false;
    }
    return *size == block_bytes(step.size_bytes) && step.align_bytes <= word_bytes;
  };
  return std::ranges::all_of(program_.boot.steps, is_of_it) &&
         std::ranges::all_of(program_.tasks, [&](const TaskProgram& task) {
           return std::ranges::all_of(task.steps, is_of_it);
         });
}

std::size_t World::missing_at_end(std::size_t size_bytes, std::size_t align_bytes) const {
  const HeapPart& part = varied();
  if (part.slot_bytes != 0) {
    if (part.heap->raw().free_bytes() >= part.slot_bytes) return 0;
    return part.slot_bytes - (part.region_bytes - part.base_offset) % part.slot_bytes;
  }
  const auto layout = BlockLayout::with_header({.size = size_bytes, .align = align_bytes});
  const std::size_t capacity = part.heap->capacity_bytes();
  std::size_t end = capacity;
  part.heap->raw().for_each_hole([&](std::size_t at, std::size_t size) {
    if (at + size == capacity) end = at;
  });
  const std::size_t padding = layout->padding_at(mneme::address_of(part.heap->raw().base()) + end);
  return padding + layout->size - std::min(padding + layout->size, capacity - end);
}

std::size_t World::least_growth() const {
  std::size_t least = head_->try_growth;
  // With overtaking these are at least those that were tried.
  const HeapPart& part = varied();
  const bool overtakes = part.policy == OracleQueue::Kind::overtaking;
  const std::size_t tried = overtakes ? OvertakingQueue::reach + 1 : 1;
  for (std::size_t place = 0; place < std::min<std::size_t>(tried, *part.queued); ++place) {
    if (current_step(part.queue[place])->kind == OpKind::lock) continue;
    const Layout request = request_of(part.queue[place]);
    const std::size_t missing = missing_at_end(request.size, request.align);
    if (missing > 0 || !is_locked(part)) least = std::min(least, missing);
  }
  for (std::size_t task = 0; has_resizes_ && task < tasks().size(); ++task) {
    least = std::min(least, missing_to_grow(task));
  }
  return least;
}

/// By how many bytes the heap would have to grow for the next step of a task to resize a block in
/// place. A block grows into the last hole only if no other has room for all of it; then it does so
/// on any larger heap.
std::size_t World::missing_to_grow(std::size_t task) const {
  const ProgramStep* const step = current_step(task);
  const HeapPart& part = varied();
  const bool resizes = step != nullptr && step->kind == OpKind::resize &&
                       step->heap == options_.varied && part.slot_bytes == 0 &&
                       control(task).state == TaskState::ready && !is_to_move(task);
  if (!resizes || held(task, step->name).offset == 0) return no_growth;
  const HeldBlock& block = held(task, step->name);
  const std::size_t size = block_bytes(block.size_bytes);
  const std::size_t end = offset_of(block) - part.base_offset - word_bytes + size;
  const std::size_t free = free_at_end();
  if (end + free != part.heap->capacity_bytes()) return no_growth;
  const std::size_t missing =
      block_bytes(step->size_bytes) - std::min(block_bytes(step->size_bytes), size + free);
  return missing == 0 ? no_growth : missing;
}

bool World::knows_growth() const {
  const auto is_within = [&](const TaskProgram& task) {
    return std::ranges::all_of(task.steps, [&](const ProgramStep& step) {
      return step.kind != OpKind::alloc || step.heap != options_.varied ||
             step.align_bytes <= 2 * word_bytes;
    });
  };
  const std::string_view raw = SearchRawHeaps::names[options_.heap().raw_row];
  if (raw == FirstFit::name || varied().slot_bytes != 0) return true;
  return raw == Bounded::name && is_within(program_.boot) &&
         std::ranges::all_of(program_.tasks, is_within);
}

void World::observe(Observed& seen) const {
  const HeapPart& part = varied();
  const Stats stats = part.heap->counters();
  const std::size_t used = stats.capacity_bytes - part.heap->raw().free_bytes();
  seen.peak_bytes = std::max(seen.peak_bytes, used);
  seen.least_growth = std::min(seen.least_growth, least_growth());
  seen.waits = seen.waits || waits_for_memory(part);
  if (heaps_.size() > 1) observe_others();
  // Of the region as it was at first: what was added is there on any size.
  const auto at_first = [grown = grown_bytes(options_.varied)](std::size_t bytes) {
    return bytes - std::min(bytes, grown);
  };
  seen.high_water =
      std::max(seen.high_water, part.base_offset + at_first(stats.capacity_bytes - free_at_end()));
  std::size_t taken = used;
  std::size_t blocks = stats.live;
  if (is_locked(part)) {
    // An unlock grants those that wait one after the other.
    blocks += part.lock->deferred + *part.queued;
    for (const std::uint8_t waiter : queue(options_.varied)) {
      taken += taken_bytes(options_.varied, request_of(waiter).size);
    }
  }
  for (std::size_t task = 0; task < tasks().size(); ++task) {
    const ProgramStep* const step = current_step(task);
    if (step == nullptr || !requests(*step) || step->heap != options_.varied) continue;
    // Any hole of `needed` bytes will do, and n blocks leave at most n + 1 holes.
    const std::size_t needed =
        block_bytes(step->size_bytes) + std::max(step->align_bytes, word_bytes) - word_bytes;
    seen.any_placement = std::max(
        seen.any_placement, at_first(taken + (blocks + 1) * (needed - word_bytes) + word_bytes));
  }
}

std::size_t World::free_at_end() const {
  std::size_t free = 0;
  const DriverHeap& heap = *varied().heap;
  const std::size_t capacity = heap.capacity_bytes();
  heap.raw().for_each_hole([&](std::size_t at, std::size_t size) {
    if (at + size == capacity) free = size;
  });
  return free;
}

void World::observe_others() const {
  for (const HeapPart& part : heaps_) {
    const std::size_t used = part.heap->capacity_bytes() - part.heap->raw().free_bytes();
    part.peak_bytes = std::max(part.peak_bytes, used);
    waits_elsewhere_ = waits_elsewhere_ || (&part != &varied() && waits_for_memory(part));
  }
}

std::vector<std::uint64_t> World::seen() const {
  std::vector<std::uint64_t> seen{waits_elsewhere_ ? std::uint64_t{1} : 0};
  for (const HeapPart& part : heaps_) seen.push_back(part.peak_bytes);
  return seen;
}

void World::add_seen(std::span<const std::uint64_t> seen) {
  waits_elsewhere_ = waits_elsewhere_ || seen.front() != 0;
  for (std::size_t heap = 0; heap < heaps_.size(); ++heap) {
    heaps_[heap].peak_bytes = std::max<std::size_t>(heaps_[heap].peak_bytes, seen[heap + 1]);
  }
}

}  // namespace mneme::driver
