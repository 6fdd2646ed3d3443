// purpose: the steps that ask for memory, use it and give it back.
// layer: execute; includes executor, diagnostic, pattern.
// threads: one owner.
// invariants: bytes are filled when taken, and checked before they are freed, moved or leaked.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <limits>
#include <utility>

#include "driver/language/diagnostic.hpp"
#include "executor.hpp"
#include "fill_pattern.hpp"

namespace mneme::driver {

namespace {

// What the request of a step comes to, overflow cut to a size that no heap has.
Layout payload_layout(const Op& op) {
  constexpr std::size_t size_max = std::numeric_limits<std::size_t>::max();
  switch (op.kind) {
    case OpKind::array:
    case OpKind::vec:
      return Layout::array<Element>(op.count).value_or(Layout{size_max, alignof(Element)});
    case OpKind::arc: return Layout::of<ElementArc::Shared>();
    default: return {op.size_bytes, op.align_bytes};
  }
}

}  // namespace

/// Before a request that the heap can grant, as the driver then fills what was granted.
void Executor::check_machine(const Op& op, std::size_t size_bytes) {
  if (size_bytes > tally_.capacity_bytes) return;
  try {
    machine_memory_.before_request(size_bytes, oracle_->used_bytes());
  } catch (const InputError& error) {
    fail_at(op, op.number_column, error.what());
  }
}

void Executor::do_request(const Op& op) {
  Task* const known = names_.find(op.name);
  // A name that waits is to be free again by the time its turn comes, if a free is held last.
  if (known != nullptr && !known->finished() && known->will_be_free()) return hold(*known, op);
  if (op.mode == AllocMode::guard && !guard_) {
    fail_at(op, op.mode_column, "no guard is held: 'lock' must come before");
  }
  const Layout layout = payload_layout(op);
  check_machine(op, layout.size);
  Task& task = begin_name(op, op.name, op.name_column, known);
  task.kind = op.kind;
  task.asked_line = op.line;
  task.block = oracle_->add(layout.size, layout.align);
  by_block_.resize(std::max<std::size_t>(by_block_.size(), task.block + 1));
  by_block_[task.block] = &task;
  ++tally_.requests;
  if (op.kind == OpKind::alloc && op.mode != AllocMode::wait) return request_now(op, task);
  task.owner = make_owner(op);
  if (first_poll(task)) {
    begin_live(task);
    append("granted at {}", offset_of(task.owner->payload()));
  }
}

Task& Executor::begin_name(const Op& op, std::string_view name, Column column, Task* known) {
  if (known != nullptr && !known->finished()) {
    fail_at(op, column, fmt::format("{} is in use since line {}", in_quotes(name), known->line));
  }
  Task& task = names_.begin(name, known);
  task.executor = this;
  task.line = op.line;
  task.serial = ++serials_;
  task.phase = Phase::refused;  // until it is more
  return task;
}

std::unique_ptr<Owner> Executor::make_owner(const Op& op) {
  switch (op.kind) {
    case OpKind::array: return std::make_unique<ArrayOwner>(*heap_, op.count);
    case OpKind::vec: return std::make_unique<VecOwner>(*heap_, op.count);
    case OpKind::arc: return std::make_unique<ArcOwner>(*heap_);
    default:
      return std::make_unique<AllocationOwner>(*heap_, Layout{op.size_bytes, op.align_bytes});
  }
}

// Asks for the block of task.asking(). True if it was granted at once; else it is told what became
// of it.
bool Executor::first_poll(Task& task) {
  const BlockId block = task.asking_block();
  Owner& owner = task.moving ? *task.moving : *task.owner;
  const std::size_t waiting_max = oracle_->waiting() + 1;
  if (answered_.capacity() < waiting_max) answered_.reserve(2 * waiting_max);
  const Phase before = std::exchange(task.phase, Phase::waiting);
  const auto answer = owner.poll(Waker{&Executor::on_answer, &task});
  collect();
  if (!answer) {
    ++tally_.waits;
    check_oracle(oracle_->request(block, Answer::waiting, 0, grants_));
    append("waiting");
    return false;
  }
  task.phase = before;
  if (*answer) {
    // Room may have been made for those who waited before, and then for this one, by the same call.
    const bool was_queued = std::ranges::find(grants_, block, &Grant::id) != grants_.end();
    ++(was_queued ? tally_.waits : tally_.granted_at_once);
    check_oracle(oracle_->request(block, was_queued ? Answer::waiting : Answer::granted,
                                  block_offset_of(owner.payload()), grants_));
    return true;
  }
  const bool is_closed = answer->error() == AllocError::closed;
  check_oracle(oracle_->request(block, is_closed ? Answer::closed : Answer::refused, 0, grants_));
  oracle_->forget(block);
  ++(is_closed ? tally_.closed : tally_.refused);
  append("{}{}", is_closed ? "" : "refused: ", to_string(answer->error()));
  if (!task.moving) end(task, is_closed ? Phase::closed : Phase::refused);
  return false;
}

// `try` and `guard`: memory now, or none.
void Executor::request_now(const Op& op, Task& task) {
  const Layout layout{op.size_bytes, op.align_bytes};
  const bool by_guard = op.mode == AllocMode::guard;
  void* const payload = by_guard ? guard_.allocate(layout) : heap_->try_allocate(layout);
  collect();
  const Answer answer = payload == nullptr ? Answer::would_wait : Answer::granted;
  const std::size_t offset = payload == nullptr ? 0 : block_offset_of(payload);
  check_oracle(by_guard ? oracle_->through_guard(task.block, answer, offset)
                        : oracle_->try_now(task.block, answer, offset, grants_));
  if (payload == nullptr) {
    oracle_->forget(task.block);
    const auto admitted = heap_->check_layout(layout);
    const bool is_closed = admitted && heap_->is_closed();
    ++(is_closed ? tally_.closed : tally_.refused);
    const AllocError error = !admitted   ? admitted.error()
                             : is_closed ? AllocError::closed
                                         : AllocError::would_wait;
    append("{}{}", is_closed ? "" : "refused: ", to_string(error));
    return end(task, is_closed ? Phase::closed : Phase::refused);
  }
  ++tally_.granted_at_once;
  task.owner = std::make_unique<AllocationOwner>(*heap_, payload, layout);
  begin_live(task);
  append("granted at {}{}", offset_of(payload), by_guard ? " through the guard" : "");
}

// The task has its memory: it writes its pattern there.
void Executor::begin_live(Task& task) {
  task.phase = Phase::live;
  fill_pattern(task.owner->bytes(), task.serial);
}

// The task takes what was granted to it.
void Executor::take(Task& task) {
  Owner& owner = task.moving ? *task.moving : *task.owner;
  const void* const reserved = owner.reserved();
  const auto answer = owner.poll({});
  if (!answer || !*answer || owner.payload() != reserved) {
    throw Corruption(fmt::format("{} cannot take what was granted to it", in_quotes(task.name)));
  }
  if (!task.moving) return begin_live(task);
  append_event("{} moved to {}", task.name, offset_of(task.moving->payload()));
  finish_move(task);
}

// The second half of a resize that needs a new place.
void Executor::finish_move(Task& task) {
  task.phase = Phase::live;
  check_bytes(task);
  const auto from = task.owner->bytes();
  const auto to = task.moving->bytes();
  const std::size_t kept = std::min(from.size(), to.size());
  if (kept > 0) std::memcpy(to.data(), from.data(), kept);
  task.owner->release();
  collect();
  check_oracle(oracle_->release(task.block, false, grants_));
  task.owner = std::move(task.moving);
  task.block = task.moving_block;
  fill_pattern(task.owner->bytes(), task.serial, kept & ~std::size_t{7});
  ++tally_.moved;
}

void Executor::check_bytes(Task& task) const {
  const auto damage = find_damage(task.owner->bytes(), task.serial);
  if (!damage) return;
  throw Corruption(fmt::format("byte {} of {} (from line {}) is not what was written there",
                               *damage, in_quotes(task.name), task.line));
}

// A step that its name's kind has no use for is an error before anything was done.
void Executor::check_kind(const Op& op, const Task& task) {
  const auto fail = [&](std::string_view what) {
    fail_at(op, op.name_column, fmt::format("{} is not {}", in_quotes(op.name), what));
  };
  if (op.defer && task.kind != OpKind::alloc) {
    fail_at(op, op.name_column, "only a plain block can be freed by the deferring form");
  }
  if (op.kind == OpKind::resize && task.kind != OpKind::alloc) {
    fail("a plain block that can be resized");
  }
  if (op.kind == OpKind::push && task.kind != OpKind::vec) fail("a vec");
  if (op.kind == OpKind::clone && task.kind != OpKind::arc) fail("an arc");
}

void Executor::do_free(const Op& op, Task& task) {
  check_bytes(task);
  if (const std::size_t owners = task.owner->owners(); owners > 1) {
    task.owner->release();
    append("dropped; {} left", owners - 1);
    return end(task, Phase::freed);
  }
  auto* const plain =
      task.kind == OpKind::alloc ? static_cast<AllocationOwner*>(task.owner.get()) : nullptr;
  if (op.defer) {
    plain->defer_release();
  } else {
    task.owner->release();
  }
  collect();
  check_oracle(oracle_->release(task.block, op.defer, grants_));
  ++tally_.freed;
  append("{}", op.defer || oracle_->locked() ? "deferred" : "freed");
  end(task, Phase::freed);
}

void Executor::do_cancel(const Op& op) {
  Task* const task = names_.find(op.name);
  if (task == nullptr)
    fail_at(op, op.name_column, fmt::format("unknown name {}", in_quotes(op.name)));
  if (task->phase != Phase::waiting && task->phase != Phase::granted) {
    return append("nothing to cancel: {} {}", op.name,
                  task->finished() ? fmt::format("was {}", word_of(state_of(task->phase)))
                                   : std::string("has its memory"));
  }
  if (task->promised_by != nullptr)
    return append("nothing to cancel: {} is to be a clone", op.name);
  make_unready(*task);
  const BlockId block = task->asking_block();
  Owner& owner = task->moving ? *task->moving : *task->owner;
  owner.cancel();
  collect();
  check_oracle(oracle_->cancel(block, grants_));
  ++tally_.cancelled;
  append("cancelled");
  if (task->moving) {
    append("; {} stays where it is", op.name);
    task->moving.reset();
    task->phase = Phase::live;
    if (!task->held.empty()) make_ready(*task);
  } else {
    end(*task, Phase::cancelled);
  }
}

void Executor::do_resize(const Op& op, Task& task) {
  check_bytes(task);
  auto& block = static_cast<AllocationOwner&>(*task.owner);
  const Layout old = block.layout();
  check_machine(op, op.size_bytes - std::min(op.size_bytes, old.size));
  const bool done = block.try_resize(op.size_bytes);
  collect();
  check_oracle(oracle_->resize(task.block, op.size_bytes, done, grants_));
  if (done) {
    fill_pattern(block.bytes(), task.serial, std::min(old.size, op.size_bytes) & ~std::size_t{7});
    return append("resized at {}", offset_of(block.payload()));
  }
  check_machine(op, op.size_bytes);
  task.moving = std::make_unique<AllocationOwner>(*heap_, Layout{op.size_bytes, old.align});
  task.moving_block = oracle_->add(op.size_bytes, old.align);
  by_block_.resize(std::max<std::size_t>(by_block_.size(), task.moving_block + 1));
  by_block_[task.moving_block] = &task;
  task.asked_line = op.line;
  ++tally_.requests;
  if (first_poll(task)) {
    finish_move(task);
    return append("moved to {}", offset_of(task.owner->payload()));
  }
  append("; {} keeps {} bytes at {}", op.name, old.size, offset_of(block.payload()));
  if (task.phase == Phase::live) task.moving.reset();
}

void Executor::do_leak(const Op& op, Task& task) {
  if (task.phase == Phase::leaked)
    fail_at(op, op.name_column, fmt::format("{} is leaked already", in_quotes(op.name)));
  check_bytes(task);
  task.owner->leak();
  task.phase = Phase::leaked;
  append("leaked at {}", offset_of(task.owner->payload()));
}

void Executor::do_unleak(const Op& op, Task& task) {
  if (task.phase != Phase::leaked)
    fail_at(op, op.name_column, fmt::format("{} is not leaked", in_quotes(op.name)));
  task.owner->adopt();
  task.phase = Phase::live;
  check_bytes(task);
  append("owned again at {}", offset_of(task.owner->payload()));
}

void Executor::do_push(const Op& /*op*/, Task& task) {
  auto& vec = static_cast<VecOwner&>(*task.owner);
  if (vec.push(task.serial)) return append("{} of {}", vec.size(), vec.capacity());
  append("full: {} of {}", vec.size(), vec.capacity());
}

void Executor::do_clone(const Op& op, Task& task) {
  Task* const promised = names_.find(op.new_name);
  const bool is_promised = promised != nullptr && promised->promised_by == &task;
  Task& clone = is_promised ? *promised : begin_name(op, op.new_name, op.new_name_column, promised);
  clone.promised_by = nullptr;
  if (!clone.held.empty()) make_ready(clone);
  clone.kind = OpKind::arc;
  clone.block = task.block;
  clone.serial = task.serial;
  clone.owner = std::make_unique<ArcOwner>(*heap_, static_cast<const ArcOwner&>(*task.owner));
  clone.phase = Phase::live;
  append("{} owners", clone.owner->owners());
}

// A name is over, and with it the clones that were to be made of it, and of those. Of a refused one
// it is remembered until its own free, which is then skipped.
void Executor::end(Task& task, Phase phase) {
  std::deque<Task*> ending{&task};
  for (; !ending.empty(); ending.pop_front()) {
    Task& ended = *ending.front();
    ended.phase = phase;
    ended.promised_by = nullptr;
    ended.owner.reset();
    if (phase != Phase::freed && !ended.held.empty()) {
      append_event("{} held step{} on {} dropped", ended.held.size(),
                   ended.held.size() == 1 ? "" : "s", ended.name);
      while (!ended.held.empty()) {
        const HeldStep held = ended.held.pop();
        if (held.kind() == OpKind::clone) ending.push_back(names_.find(held.promised_name()));
      }
    }
    if (phase == Phase::freed || phase == Phase::cancelled) names_.retire(ended);
  }
}

}  // namespace mneme::driver
