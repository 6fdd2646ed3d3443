// purpose: turns events into spans.
// layer: report; includes history, asked_bytes, format_op.
// threads: as in the header.
// invariants: as in the header.
#include "history.hpp"

#include <algorithm>
#include <utility>

#include "asked_bytes.hpp"
#include "driver/language/format_op.hpp"

namespace mneme::driver {

namespace {

// For a request that can never be granted, just its size.
std::uint64_t with_header(std::uint64_t asked) {
  return asked > BlockLayout::max_payload_bytes ? asked : BlockLayout::size_with_header(asked);
}

/// A region is smaller than 2^56 bytes.
std::uint64_t key_of(std::uint8_t heap, std::uint64_t offset) {
  constexpr unsigned heap_shift = 56;
  return std::uint64_t{heap} << heap_shift | offset;
}

}  // namespace

std::uint32_t History::task_number(const std::string& task) {
  const auto [at, is_new] =
      task_numbers_.try_emplace(task, static_cast<std::uint32_t>(tasks_.size()));
  if (is_new) tasks_.push_back(task);
  return at->second;
}

/// Returns false if no more steps are recorded.
bool History::begin_step(std::string text, std::uint64_t line) {
  if (texts_.size() >= steps_allowed_) is_cut_ = true;
  if (is_cut_) return false;
  const HeapSample last = samples_.empty() ? HeapSample{} : samples_.back();
  texts_.push_back({task_, line, std::move(text)});
  samples_.push_back(last);
  return true;
}

void History::task_step(const std::string& task, const std::string& text) {
  if (task.empty()) return;
  task_ = task_number(task);
  if (text.empty()) return;
  const std::size_t colon = text.find(": ");  // after the line number
  (void)begin_step(colon == std::string::npos ? text : text.substr(colon + 2), 0);
  task_ = 0;
}

void History::events(std::span<const Event> events, const Executor& executor) {
  const bool is_step = !events.empty() && (events.front().kind == EventKind::step ||
                                           events.front().kind == EventKind::end);
  if (is_step) {
    const Op* const op = events.front().step;
    CommandBuffer buffer;
    if (!begin_step(op == nullptr ? std::string("end") : std::string(format_op(*op, buffer)),
                    op == nullptr ? 0 : op->line)) {
      return;
    }
  }
  for (const Event& event : events) see(event);
  task_ = 0;
  if (is_cut_ || texts_.empty() || !executor.has_heap()) return;
  reclaim(executor);
  look_at_heaps(executor, events.empty() || events.front().kind == EventKind::end);
}

void History::look_at_heaps(const Executor& executor, bool is_end) {
  HeapSample& sample = samples_.back() = {};
  for (std::size_t heap = 0; heap < executor.heap_count(); ++heap) {
    const Oracle& oracle = executor.oracle(heap);
    if (heap == heaps_.size()) {
      heaps_.push_back(executor.heap_name(heap));
      region_ends_.emplace_back();
    }
    std::vector<RegionEnd>& ends = region_ends_[heap];
    if (ends.empty() || ends.back().bytes != oracle.extent_bytes()) {
      ends.push_back({.from = ends.empty() ? 1 : steps(), .bytes = oracle.extent_bytes()});
    }
    sample.used += oracle.used_bytes();
    sample.largest_hole = std::max<std::uint64_t>(sample.largest_hole, oracle.largest_bytes());
    sample.waiting += static_cast<std::uint32_t>(oracle.waiting());
    if (oracle.waiting() > 0 && (is_end || (!waits_.empty() && waits_.back().from == steps()))) {
      look_at_queue(executor, heap, is_end ? 0 : steps());
    }
  }
}

void History::see(const Event& event) {
  switch (event.kind) {
    case EventKind::granted_at_once: return begin_block(event, bytes_asked_by(*event.step), false);
    case EventKind::waiting:
    case EventKind::lock_waits:
    case EventKind::refused: return begin_wait(event);
    case EventKind::lock_granted: return end_wait(event, WaitEnd::granted);
    case EventKind::granted: {
      const Name& name = name_of(event);
      // If the requesting step has taken the memory already, it has an event of its own.
      if (name.wait == none) return;
      const bool moves = name.block != none;
      begin_block(event, waits_[name.wait].asked, moves);
      return end_wait(event, WaitEnd::granted);
    }
    case EventKind::cancelled: {
      const Name name = name_of(event);
      if (name.wait != none) return end_wait(event, WaitEnd::cancelled);
      const std::size_t reserved = name.moving != none ? name.moving : name.block;
      if (reserved != none) end_block(reserved);
      name_of(event).moving = none;
      return;
    }
    case EventKind::closed: return end_wait(event, WaitEnd::closed);
    case EventKind::moved: return finish_move(event);
    case EventKind::moved_at_once: begin_block(event, event.size, true); return finish_move(event);
    case EventKind::resized: {
      const auto at = by_offset_.find(key_of(event.heap, event.offset));
      if (at == by_offset_.end()) return;
      const std::uint32_t task = std::exchange(task_, blocks_[at->second].task);
      end_block(at->second);
      begin_block(event, event.size, false);
      task_ = task;
      return;
    }
    case EventKind::owner_dropped:  // the block belongs to the other owners from now on
      name_of(event).block = none;
      return;
    case EventKind::freed:
    case EventKind::deferred: {
      const auto at = by_offset_.find(key_of(event.heap, event.offset));
      if (at == by_offset_.end()) return;
      const std::size_t block = at->second;
      end_block(block);
      if (event.kind == EventKind::freed) return;
      blocks_[block].deferred_from = std::exchange(blocks_[block].to, not_ended);
      return deferred_.push_back(block);
    }
    default: return;
  }
}

void History::begin_block(const Event& event, std::uint64_t asked, bool moves) {
  Name& name = name_of(event);
  (moves ? name.moving : name.block) = blocks_.size();
  by_offset_[key_of(event.heap, event.offset)] = blocks_.size();
  const std::uint32_t task = name.wait == none ? task_ : waits_[name.wait].task;
  blocks_.push_back({.name = std::string(event.name),
                     .task = task,
                     .asked = asked,
                     .heap = event.heap,
                     .offset = event.offset - word_bytes,
                     .size = BlockLayout::size_with_header(asked),
                     .from = steps()});
}

/// Ends a block with the current step. The caller sets anything else.
void History::end_block(std::size_t block) {
  BlockSpan& span = blocks_[block];
  span.to = steps();
  const auto at = by_offset_.find(key_of(span.heap, span.offset + word_bytes));
  if (at != by_offset_.end() && at->second == block) by_offset_.erase(at);
  const auto name = names_.find(span.name);
  if (name == names_.end() || name->second.block != block) return;
  name->second.block = none;
  if (name->second.moving == none && name->second.wait == none) names_.erase(name);
}

void History::begin_wait(const Event& event) {
  const bool is_refused = event.kind == EventKind::refused;
  const std::uint64_t asked = bytes_asked_by(*event.step);
  if (!is_refused) name_of(event).wait = waits_.size();
  waits_.push_back({.name = std::string(event.name),
                    .task = task_,
                    .line = event.step->line,
                    .asked = asked,
                    .need = event.kind == EventKind::lock_waits ? 0 : with_header(asked),
                    .from = steps(),
                    .to = is_refused ? steps() : not_ended,
                    .end = is_refused ? WaitEnd::refused : WaitEnd::waits,
                    .error = event.error});
}

void History::end_wait(const Event& event, WaitEnd end) {
  const auto at = names_.find(std::string(event.name));
  if (at == names_.end() || at->second.wait == none) return;
  WaitSpan& wait = waits_[std::exchange(at->second.wait, none)];
  wait.to = steps();
  wait.end = end;
  if (at->second.block == none && at->second.moving == none) names_.erase(at);
}

void History::finish_move(const Event& event) {
  Name& name = name_of(event);
  const std::size_t old = std::exchange(name.block, std::exchange(name.moving, none));
  if (old != none) {
    blocks_[name.block].task = blocks_[old].task;
    end_block(old);
  }
}

/// Ends the deferred blocks that the oracle has reclaimed.
void History::reclaim(const Executor& executor) {
  std::erase_if(deferred_, [&](std::size_t block) {
    const Oracle& oracle = executor.oracle(blocks_[block].heap);
    const bool is_there = std::ranges::any_of(oracle.deferred_blocks(), [&](BlockId id) {
      return oracle.offset_of(id) == blocks_[block].offset;
    });
    if (!is_there) blocks_[block].to = steps();
    return !is_there;
  });
}

/// Records the place in the queue, and the lacking bytes, of requests made since a step.
void History::look_at_queue(const Executor& executor, std::size_t heap, StepNumber from) {
  const Oracle& oracle = executor.oracle(heap);
  const std::uint64_t largest = oracle.largest_bytes();
  std::size_t before = 0;
  for (const BlockId id : oracle.queue()) {
    const auto name = names_.find(executor.requester_of(heap, id).name);
    if (name != names_.end() && name->second.wait != none) {
      WaitSpan& wait = waits_[name->second.wait];
      if (wait.from >= from) {
        wait.before = before;
        wait.lacks = wait.need - std::min(wait.need, largest);
      }
    }
    ++before;
  }
}

}  // namespace mneme::driver
