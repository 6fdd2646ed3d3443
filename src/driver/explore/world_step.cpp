// purpose: carries out a step of a task on the real library, and the grants that it causes.
// layer: explore; includes world.
// threads: one owner.
// invariants: between steps, the queue here equals the library's.
#include <algorithm>
#include <bit>
#include <mneme/node.hpp>

#include "world.hpp"

namespace mneme::driver {

StepResult World::step(Move move) {
  const std::size_t task = move.task;
  StepResult result;
  granted_.clear();
  const ProgramStep& step = *current_step(task);
  HeldBlock* const slot = slots_ + tasks_[task].slots + step.name;
  result.gave_up = control(task).state == TaskState::waiting;
  if (result.gave_up) {
    give_up(task);
    HeapPart& part = heaps_[step.heap];
    go_on(task);
    take_grants(part, result);
    return result;
  }
  switch (step.kind) {
    case OpKind::alloc: allocate(task, move.choice, step, result); break;
    case OpKind::free:
      if (slot->offset != 0) free_block(*slot);
      break;
    case OpKind::extend: extend(step); break;
    case OpKind::resize: resize(task, step, result); break;
    case OpKind::lock: lock(task, result); break;
    case OpKind::unlock: unlock(heaps_[step.heap]); break;
    case OpKind::signal: ++semaphores_[step.object]; break;
    case OpKind::wait: --semaphores_[step.object]; break;
    case OpKind::send:
      mail_[mailbox_starts_[step.object] + mail_counts_[step.object]++] = *slot;
      *slot = {};
      break;
    case OpKind::receive: {
      HeldBlock* const first = mail_ + mailbox_starts_[step.object];
      HeldBlock* const last = first + mail_counts_[step.object]--;
      *slot = *first;
      std::copy(first + 1, last, first);
      last[-1] = {};
      break;
    }
    case OpKind::clone: {
      HeldBlock& clone = slots_[tasks_[task].slots + step.new_name];
      clone = *slot;
      clone.name = static_cast<std::uint16_t>(step.new_name);
      break;
    }
    case OpKind::choose:
      control(task).at = static_cast<std::uint32_t>(step.branches[move.choice]) - 1;
      break;
    default: break;  // yield, push
  }
  const bool yields = step.kind == OpKind::yield;
  if (!result.waits) go_on(task);
  for (HeapPart& part : heaps_) {
    if (*part.queued > 0) take_grants(part, result);
  }
  if (options_.switches == Switches::waits && !tasks_[task].program->is_isr) {
    head_->current = static_cast<std::uint32_t>(yields || !is_able(task) ? tasks().size() : task);
  }
  return result;
}

/// A heap that is locked is not extended.
void World::extend(const ProgramStep& step) {
  const HeapPart& part = heaps_[step.heap];
  if (!part.heap->extend(step.size_bytes) && !is_locked(part)) {
    fail_step(step, "the heap cannot be extended so far");
  }
}

void World::allocate(std::size_t task, std::size_t choice, const ProgramStep& step,
                     StepResult& result) {
  const Layout layout = layout_of(step, step.size_of(choice));
  const HeapPart& part = heaps_[step.heap];
  void* payload = nullptr;
  if (!step.waits_for_memory()) {
    payload = step.by_guard ? part.lock->guard.allocate(layout) : part.heap->try_allocate(layout);
    if (step.by_guard) part.lock->deferred = 0;  // they are reclaimed first
    if (payload == nullptr) {
      result.refused = true;
      const bool had_no_room = step.by_guard || (*part.queued == 0 && !is_locked(part));
      if (had_no_room && &part == &varied()) {
        head_->try_growth = std::min(head_->try_growth, missing_at_end(layout.size, layout.align));
      }
      return;
    }
  } else {
    payload = request(task, choice, step, layout, result);
    if (payload == nullptr) return;
  }
  hold(task, step.name, layout, payload);
  result.offset = slots_[tasks_[task].slots + step.name].offset - part.start;
}

void* World::request(std::size_t task, std::size_t choice, const ProgramStep& step, Layout layout,
                     StepResult& result) {
  const HeapPart& part = heaps_[step.heap];
  HeapRequest* const request = requests_[task] =
      node::begin_object<HeapRequest>(request_places_ + task * request_bytes(), *part.heap, layout);
  const std::uint8_t level = level_of(task, step);
  (void)std::move(*request).priority(level);
  auto answer = request->poll();
  if (!answer) {
    result.waits = true;
    wait(task, choice, level);
    return nullptr;
  }
  if (part.policy == OracleQueue::Kind::overtaking) {
    for (const std::uint8_t passed : queue(step.heap)) ++control(passed).rank;
  }
  if (!*answer) fail_step(step, "the heap refuses a request that it could meet");
  void* const payload = (*answer)->leak();
  request->~HeapRequest();
  return payload;
}

/// The task waits for its request.
void World::wait(std::size_t task, std::size_t choice, std::uint8_t level) {
  control(task).state = TaskState::waiting;
  control(task).choice = static_cast<std::uint8_t>(choice);
  control(task).rank = level;
  enqueue(task);
}

/// In place, or into a new block. If that has to wait, the move is a step of its own.
void World::resize(std::size_t task, const ProgramStep& step, StepResult& result) {
  HeldBlock& block = slots_[tasks_[task].slots + step.name];
  HeldBlock& moved = slots_[tasks_[task].slots + step.new_name];
  if (block.offset == 0) return;  // it was refused
  if (moved.offset == 0) {
    const Layout wanted{.size = step.size_bytes, .align = layout_of(block).align};
    if (heaps_[step.heap].heap->try_resize(address_of(block), layout_of(block), wanted)) {
      block.size_bytes = static_cast<std::uint32_t>(wanted.size);
      result.offset = offset_of(block);
      return;
    }
    const void* const payload = request(task, 0, step, wanted, result);
    if (payload == nullptr) return;
    hold(task, step.new_name, wanted, payload);
  }
  free_block(block);
  block = moved;
  block.name = static_cast<std::uint16_t>(step.name);
  moved = {};
  result.offset = offset_of(block);
}

std::uint8_t World::level_of(std::size_t task, const ProgramStep& step) const {
  const OracleQueue::Kind policy = heaps_[step.heap].policy;
  if (policy == OracleQueue::Kind::priority) return step.priority;
  if (policy != OracleQueue::Kind::holders_first) return 0;
  const HeldBlock* const first = slots_ + tasks_[task].slots;
  const auto holds = [](const HeldBlock& block) { return block.offset != 0; };
  return std::any_of(first, first + tasks_[task].program->names.size(), holds) ? 1 : 0;
}

/// Behind all of its level and above.
void World::enqueue(std::size_t task) {
  const HeapPart& part = part_of(task);
  std::uint8_t* const end = part.queue + (*part.queued)++;
  std::uint8_t* place = end;
  if (part.policy != OracleQueue::Kind::overtaking) {
    while (place != part.queue && control(place[-1]).rank < control(task).rank) --place;
  }
  std::copy_backward(place, end, end + 1);
  *place = static_cast<std::uint8_t>(task);
}

void World::give_up(std::size_t task) {
  cancel_request(task);
  const HeapPart& part = part_of(task);
  std::uint8_t* const end = part.queue + (*part.queued)--;
  std::uint8_t* const place = std::find(part.queue, end, static_cast<std::uint8_t>(task));
  *std::copy(place + 1, end, place) = 0;
  control(task).state = TaskState::ready;
}

void World::hold(std::size_t task, std::size_t name, Layout layout, const void* payload) {
  slots_[tasks_[task].slots + name] = {
      .offset = static_cast<std::uint32_t>(static_cast<const std::byte*>(payload) - arena_base_),
      .size_bytes = static_cast<std::uint32_t>(layout.size),
      .name = static_cast<std::uint16_t>(name),
      .task = static_cast<std::uint8_t>(task),
      .align_exponent = static_cast<std::uint8_t>(std::countr_zero(layout.align))};
}

/// Whether another name or mailbox owns the same block, which an arc can cause.
bool World::has_other_owner(const HeldBlock& block) const {
  const auto owns = [&](const HeldBlock& each) {
    return &each != &block && each.offset == block.offset;
  };
  if (!has_clones_) return false;
  for (std::size_t box = 0; box < program_.mailboxes.size(); ++box) {
    if (std::ranges::any_of(mailbox(box), owns)) return true;
  }
  const std::size_t slots = tasks_.back().slots + tasks_.back().program->names.size();
  return std::any_of(slots_, slots_ + slots, owns);
}

void World::free_block(HeldBlock& block) {
  if (has_other_owner(block)) {
    block = {};
    return;
  }
  (heaps_[heap_of(block)].heap->free)(address_of(block), layout_of(block));
  if (has_locks_) defer(block);
  block = {};
}

/// Without overtaking, those granted by this step are the first of the queue.
void World::take_grants(HeapPart& part, StepResult& result) {
  const bool overtakes = part.policy == OracleQueue::Kind::overtaking;
  std::uint8_t* const queue = part.queue;
  bool is_first = true;
  std::size_t left = 0;
  for (std::size_t place = 0; place < *part.queued; ++place) {
    const std::uint8_t task = queue[place];
    if (request_state(task) != RequestState::granted) {
      if (!overtakes && is_first) return;
      queue[left++] = task;
      continue;
    }
    for (std::size_t passed = 0; overtakes && passed < left; ++passed) {
      ++control(queue[passed]).rank;
    }
    is_first = false;
    const ProgramStep& step = *current_step(task);
    const bool resizes = step.kind == OpKind::resize;  // the task goes on with the move
    if (step.kind == OpKind::lock) {
      begin_lock(part, task, std::move(**lock_requests_[task]->poll()));
      lock_requests_[task]->~HeapLockRequest();
    } else {
      auto answer = requests_[task]->poll();
      hold(task, resizes ? step.new_name : step.name, request_of(task), (*answer)->leak());
      requests_[task]->~HeapRequest();
    }
    result.lasting_grants += step.can_time_out ? 0U : 1U;
    control(task) = {.at = control(task).at};
    if (!resizes) go_on(task);
    granted_.push_back(task);
  }
  std::fill(queue + left, queue + *part.queued, std::uint8_t{0});
  *part.queued = left;
}

/// Advances a task to the next step of its program, following its loops.
void World::go_on(std::size_t task) {
  Control& at = control(task);
  const std::vector<ProgramStep>& steps = tasks_[task].program->steps;
  for (++at.at;; ++at.at) {
    if (at.at == steps.size()) {
      at.state = TaskState::done;
      return;
    }
    const ProgramStep& step = steps[at.at];
    std::uint64_t& rounds = loops_[tasks_[task].loops + step.loop];
    if (step.kind == OpKind::repeat) {
      rounds = step.count;
    } else if (step.kind == OpKind::or_else) {
      at.at = static_cast<std::uint32_t>(step.jump) - 1;
    } else if (step.kind == OpKind::end && step.ends_loop) {
      if (rounds != forever && --rounds == 0) continue;
      at.at = static_cast<std::uint32_t>(step.jump) - 1;
    } else if (step.kind != OpKind::end) {
      return;
    }
  }
}

}  // namespace mneme::driver
