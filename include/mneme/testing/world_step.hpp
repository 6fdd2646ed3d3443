// purpose: one step of a task, and what it lets happen.
// layer: testing; includes world_base.
// threads: one.
// invariants: between two steps no request waits that the heap could grant.
#pragma once

#include "world_base.hpp"

namespace mneme::inline MNEME_SETTINGS::testing {

inline void WorldBase::add_task(std::string name, std::uint8_t program, bool is_isr,
                                std::coroutine_handle<> frame, TaskPromise& promise) {
  TaskRecord& task = tasks_.emplace_back();
  task.name = std::move(name);
  task.program = program;
  task.is_isr = is_isr;
  task.frame = frame;
  task.promise = &promise;
}

inline void WorldBase::add_other(std::string name, std::uint8_t program,
                                 std::function<std::shared_ptr<void>()> begin) {
  TaskRecord& task = tasks_.emplace_back();
  task.name = std::move(name);
  task.program = program;
  task.is_other_type = true;
  task.begin = std::move(begin);
}

inline void WorldBase::begin(Switches switches, std::uint64_t endless) {
  switches_ = switches;
  endless_ = endless;
  Watcher::active = running_world = this;
  for (std::size_t task = 0; task < tasks_.size(); ++task) {
    if (!tasks_[task].is_other_type) run(task, tasks_[task].frame);
  }
}

inline void WorldBase::end() {
  is_ending_ = true;
  for (TaskRecord& task : tasks_) {
    if (task.frame) std::exchange(task.frame, {}).destroy();
    task.coroutine.reset();
    task.begin = nullptr;
  }
}

inline bool WorldBase::is_done(std::size_t task) const {
  const TaskRecord& at = tasks_[task];
  if (!at.freed.empty() || at.is_waiting) return false;
  if (at.is_other_type) return at.begin == nullptr && at.due.empty() && at.requests == 0;
  return !at.frame || at.frame.done();
}

inline bool WorldBase::is_able(std::size_t task) const {
  const TaskRecord& at = tasks_[task];
  if (at.is_other_type) return at.begin != nullptr || !at.due.empty();
  if (at.is_waiting) return at.next->can_time_out();
  if (!at.freed.empty()) {
    const Block* const block = block_at(at.freed.front());
    return block == nullptr || !heaps_[block->heap].raw->is_giving_back();
  }
  return at.next != nullptr && at.next->can_go();
}

inline bool WorldBase::can_step(std::size_t task) const {
  if (!is_able(task)) return false;
  const TaskRecord& at = tasks_[task];
  if (at.is_waiting || switches_ == Switches::anywhere || at.is_isr) return true;
  return executed_ == task || executed_ >= tasks_.size() || !is_able(executed_);
}

inline std::size_t WorldBase::choices(std::size_t task) const {
  const TaskRecord& at = tasks_[task];
  if (at.is_waiting || !at.freed.empty() || at.next == nullptr) return 1;
  return at.next->choices();
}

inline TaskStep WorldBase::step(Move move) {
  running_world = this;
  TaskStep result;
  TaskRecord& task = tasks_[move.task];
  bool yields = false;
  if (task.is_other_type) {
    start_other(move.task, result);
  } else if (task.is_waiting) {
    give_up(move.task);
    result.gave_up = true;
  } else if (!task.freed.empty()) {
    give_back(move.task);
  } else {
    yields = task.next->yields();
    start(move.task, move.choice, result);
  }
  look_at_requests(result);
  if (switches_ == Switches::waits && !task.is_isr) {
    executed_ = yields || !is_able(move.task) ? nobody : move.task;
  }
  return result;
}

inline void WorldBase::start(std::size_t task, std::size_t choice, TaskStep& result) {
  Operation& operation = *tasks_[task].next;
  tasks_[task].where = operation.where();
  current_ = task;
  const bool is_complete = operation.start(choice);
  current_ = nobody;
  if (fails_if_too_large_ && was_too_small_) {
    failure_ = {Failure::Kind::too_large, tasks_[task].name, "larger than the heap",
                operation.where()};
    return;
  }
  if (is_complete) {
    ++tasks_[task].operations;
    return run(task, operation.task());
  }
  tasks_[task].is_waiting = result.waits = true;
  heaps_[tasks_[task].wanted_heap].queue.push_back(task);
}

inline void WorldBase::start_other(std::size_t task, TaskStep& result) {
  TaskRecord& at = tasks_[task];
  current_ = task;
  gate_ = {.is_closed = true, .waiting = waiting_requests()};
  ++at.operations;
  try {
    if (at.begin) {
      at.coroutine = std::exchange(at.begin, nullptr)();
    } else {
      const std::coroutine_handle<> due = at.due.front();
      at.due.erase(at.due.begin());
      due.resume();
    }
  } catch (const std::exception& error) {
    failure_ = {Failure::Kind::exception, at.name, error.what(), at.where};
  }
  gate_.is_closed = false;
  if ((gate_.is_misused || gate_.is_refused || gate_.waiting != waiting_requests()) && !failure_) {
    failure_ = {Failure::Kind::violation, at.name,
                "a coroutine that is no mneme::testing::Task calls try_allocate: not explored",
                at.where};
  }
  current_ = nobody;
  for (WorldHeap& heap : heaps_) {
    while (heap.queue.size() < heap.waiting(heap.heap)) {
      heap.queue.push_back(task);
      ++at.requests;
      result.waits = true;
    }
  }
}

inline std::size_t WorldBase::waiting_requests() const {
  std::size_t waiting = 0;
  for (const WorldHeap& heap : heaps_) waiting += heap.waiting(heap.heap);
  return waiting;
}

/// Runs a task's own code up to its next operation.
inline void WorldBase::run(std::size_t task, std::coroutine_handle<> from) {
  TaskRecord& at = tasks_[task];
  at.next = nullptr;
  const std::size_t before = std::exchange(current_, task);
  from.resume();
  current_ = before;
  if (at.next != nullptr || !at.frame.done() || !at.promise->error || failure_) return;
  failure_ = {Failure::Kind::exception, at.name, "an exception that is no std::exception",
              at.where};
  try {
    std::rethrow_exception(at.promise->error);
  } catch (const Violation& violation) {
    failure_->kind = Failure::Kind::violation;
    failure_->what = violation.what();
    failure_->where = violation.where();
  } catch (const std::exception& error) {
    failure_->what = error.what();
  } catch (...) {  // NOLINT(bugprone-empty-catch): the text above says it
  }
}

inline void WorldBase::give_back(std::size_t task) {
  TaskRecord& at = tasks_[task];
  std::byte* const start = at.freed.front();
  at.freed.erase(at.freed.begin());
  const auto block = std::ranges::find(blocks_, start, &Block::start);
  heaps_[block->heap].raw->give_back_next(block->start, block->size);
  blocks_.erase(block);
  ++at.operations;
  pass_again_marks(at);
}

inline void WorldBase::give_up(std::size_t task) {
  TaskRecord& at = tasks_[task];
  std::erase(heaps_[at.wanted_heap].queue, task);
  at.next->give_up();
}

inline void WorldBase::begin_again() {
  TaskRecord& task = tasks_[current_];
  endless_ |= std::uint64_t{1} << task.program;
  task.freed.push_back(nullptr);
  pass_again_marks(task);
}

/// Forgets what the task did before, once its frees before again() are done.
inline void WorldBase::pass_again_marks(TaskRecord& task) {
  while (!task.freed.empty() && task.freed.front() == nullptr) {
    task.freed.erase(task.freed.begin());
    task.operations = 0;
    task.history = 0;
    task.receipts = 0;
    const auto self = static_cast<std::size_t>(&task - tasks_.data());
    for (Block& block : blocks_) {
      if (block.owner == self) block.receipt = task.receipts++;
    }
  }
}

inline void WorldBase::look_at_requests(TaskStep& result) {
  for (bool has_changed = true; has_changed;) {
    has_changed = false;
    for (WorldHeap& heap : heaps_) {
      heap.look(heap.heap);
      while (const std::coroutine_handle<> ready = heap.take_ready(heap.heap)) {
        take_grant(heap, ready, result);
        has_changed = true;
      }
      heap.granted = 0;
    }
  }
}

inline void WorldBase::take_grant(WorldHeap& heap, std::coroutine_handle<> ready,
                                  TaskStep& result) {
  const auto is_its = [&](const TaskRecord& each) {
    return each.is_waiting && each.next->task() == ready;
  };
  const auto own = std::ranges::find_if(tasks_, is_its);
  if (own != tasks_.end()) {
    const auto task = static_cast<std::size_t>(own - tasks_.begin());
    const bool is_grant = std::erase(heap.queue, task) > 0;  // else it was given up
    if (is_grant) {
      result.granted.push_back(task);
      if (heap.granted > 0) --heap.granted;
      if (!own->next->can_time_out()) ++result.lasting_grants;
    }
    own->is_waiting = false;
    ++own->operations;
    return run(task, ready);
  }
  const auto other = std::ranges::find_if(
      heap.queue, [&](std::size_t each) { return tasks_[each].is_other_type; });
  if (other == heap.queue.end()) return;
  TaskRecord& task = tasks_[*other];
  result.granted.push_back(*other);
  ++result.lasting_grants;
  if (heap.granted > 0) --heap.granted;
  heap.queue.erase(other);
  --task.requests;
  task.due.push_back(ready);
}

// The watcher.

inline std::size_t WorldBase::on_raw_heap(WatchedRaw& raw, const std::byte* base) noexcept {
  heaps_.emplace_back();
  heaps_.back().raw = &raw;
  heaps_.back().base = base;
  return heaps_.size() - 1;
}

inline void WorldBase::on_request(std::size_t heap, BlockLayout layout, bool fits_empty) noexcept {
  if (!fits_empty) {
    was_too_small_ = true;
    if (heap == 0) {
      const std::size_t capacity = heaps_[heap].capacity(heaps_[heap].heap);
      missed_growth_ =
          std::min(missed_growth_, layout.size > capacity ? layout.size - capacity : word_bytes);
    }
  }
  gate_.is_refused = false;
  gate_.may_repeat = true;
  if (fits_empty) ++gate_.waiting;
  if (current_ == nobody) return;
  tasks_[current_].wanted_heap = heap;
  tasks_[current_].wanted = layout;
}

inline bool WorldBase::admits(std::size_t heap) noexcept {
  if (!gate_.is_closed) return true;
  // While others wait, it is one of their requests that is looked at.
  if (heaps_[heap].waiting(heaps_[heap].heap) > 0 || std::exchange(gate_.may_repeat, false)) {
    return false;
  }
  gate_.is_misused = gate_.is_misused || gate_.is_refused;
  gate_.is_refused = true;
  return false;
}

inline void WorldBase::on_allocate(std::size_t heap, BlockLayout layout,
                                   std::byte* block) noexcept {
  WorldHeap& of = heaps_[heap];
  if (block == nullptr) {
    if (heap == 0) missed_growth_ = std::min(missed_growth_, of.raw->missing_at_end(layout));
    return;
  }
  if (is_ending_) return;
  std::size_t owner = current_;
  if (of.granted < of.queue.size()) owner = of.queue[of.granted++];
  Block made{.start = block, .size = layout.size, .heap = heap, .owner = owner, .maker = owner};
  if (owner < tasks_.size()) {
    TaskRecord& task = tasks_[owner];
    made.receipt = task.receipts++;
    made.where = task.next != nullptr ? task.next->where() : task.where;
  }
  blocks_.push_back(made);
}

inline bool WorldBase::holds_back(std::size_t /*heap*/, std::byte* block,
                                  std::size_t /*size*/) noexcept {
  const auto found = std::ranges::find(blocks_, block, &Block::start);
  if (found == blocks_.end()) return false;
  const bool is_held = !is_ending_ && current_ < tasks_.size() && !tasks_[current_].is_other_type;
  if (is_held) {
    found->is_freed = true;
    tasks_[current_].freed.push_back(block);
  } else {
    blocks_.erase(found);
  }
  return is_held;
}

}  // namespace mneme::inline MNEME_SETTINGS::testing
