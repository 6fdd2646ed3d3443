// purpose: the steps that ask for memory, use it and give it back.
// room: driver; includes executor, diagnostic, pattern.
// threads: one owner.
// invariants: bytes are filled when taken, and checked before they are freed, moved or leaked.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <limits>
#include <utility>

#include "diagnostic.hpp"
#include "executor.hpp"
#include "pattern.hpp"

namespace mneme::driver {

namespace {

// What the request of a step comes to, overflow cut to a size that no heap has.
std::size_t payload_bytes(const Op& op) {
  const auto elements = static_cast<unsigned __int128>(op.count) * sizeof(Element);
  switch (op.kind) {
    case OpKind::array:
    case OpKind::vec:
      return elements > std::numeric_limits<std::size_t>::max()
                 ? std::numeric_limits<std::size_t>::max()
                 : static_cast<std::size_t>(elements);
    case OpKind::arc: return sizeof(Arc<Element>::Shared);
    default: return op.size_bytes;
  }
}

}  // namespace

void Executor::do_request(const Op& op) {
  Task* const known = names_.find(op.name);
  // A name that waits is to be free again by the time its turn comes, if a free is held last.
  if (known != nullptr && !known->finished() && known->will_be_free()) return hold(*known, op);
  if (op.mode == AllocMode::guard && !guard_) {
    fail_at(op, op.mode_column, "no guard is held: 'lock' must come before");
  }
  Task& task = begin_name(op, op.name, op.name_column, known);
  task.kind = op.kind;
  task.asked_line = op.line;
  task.block = oracle_->add(payload_bytes(op), op.align_bytes);
  by_block_.resize(std::max<std::size_t>(by_block_.size(), task.block + 1));
  by_block_[task.block] = &task;
  ++tally_.requests;
  if (op.kind == OpKind::alloc && op.mode != AllocMode::wait) return request_now(op, task);
  task.holder = make_holder(op);
  if (first_poll(task)) {
    begin_live(task);
    tell("granted at {}", offset_of(task.holder->payload()));
  }
}

Task& Executor::begin_name(const Op& op, std::string_view name, Column column, Task* known) {
  if (known != nullptr && !known->finished()) {
    fail_at(op, column, fmt::format("{} is in use since line {}", quoted(name), known->line));
  }
  Task& task = names_.begin(name, known);
  task.executor = this;
  task.line = op.line;
  task.serial = ++serials_;
  task.phase = Phase::refused;  // until it is more
  return task;
}

std::unique_ptr<Holder> Executor::make_holder(const Op& op) {
  switch (op.kind) {
    case OpKind::array: return std::make_unique<ArrayHolder>(*heap_, op.count);
    case OpKind::vec: return std::make_unique<VecHolder>(*heap_, op.count);
    case OpKind::arc: return std::make_unique<ArcHolder>(*heap_);
    default: return std::make_unique<BlockHolder>(*heap_, Layout{op.size_bytes, op.align_bytes});
  }
}

// Asks for the block of task.asking(). True if it was granted at once; else it is told what became
// of it.
bool Executor::first_poll(Task& task) {
  const BlockId block = task.asking_block();
  Holder& holder = task.moving ? *task.moving : *task.holder;
  const std::size_t waiting_max = oracle_->waiting() + 1;
  if (answered_.capacity() < waiting_max) answered_.reserve(2 * waiting_max);
  const Phase before = std::exchange(task.phase, Phase::waiting);
  const auto answer = holder.poll(Waker{&Executor::on_answer, &task});
  collect();
  if (!answer) {
    ++tally_.waits;
    agree(oracle_->request(block, Answer::waiting, 0, grants_));
    tell("waiting");
    return false;
  }
  task.phase = before;
  if (*answer) {
    // Room may have been made for those who waited before, and then for this one, by the same call.
    const bool was_queued = std::ranges::find(grants_, block, &Grant::id) != grants_.end();
    ++(was_queued ? tally_.waits : tally_.granted_at_once);
    agree(oracle_->request(block, was_queued ? Answer::waiting : Answer::granted,
                           block_offset_of(holder.payload()), grants_));
    return true;
  }
  const bool is_closed = answer->error() == AllocError::closed;
  agree(oracle_->request(block, is_closed ? Answer::closed : Answer::refused, 0, grants_));
  oracle_->forget(block);
  ++(is_closed ? tally_.closed : tally_.refused);
  tell("{}{}", is_closed ? "" : "refused: ", to_string(answer->error()));
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
  agree(by_guard ? oracle_->through_guard(task.block, answer, offset)
                 : oracle_->try_now(task.block, answer, offset, grants_));
  if (payload == nullptr) {
    oracle_->forget(task.block);
    const auto admitted = heap_->admits(layout);
    const bool is_closed = admitted && heap_->is_closed();
    ++(is_closed ? tally_.closed : tally_.refused);
    const AllocError error = !admitted   ? admitted.error()
                             : is_closed ? AllocError::closed
                                         : AllocError::would_wait;
    tell("{}{}", is_closed ? "" : "refused: ", to_string(error));
    return end(task, is_closed ? Phase::closed : Phase::refused);
  }
  ++tally_.granted_at_once;
  task.holder = std::make_unique<BlockHolder>(*heap_, payload, layout);
  begin_live(task);
  tell("granted at {}{}", offset_of(payload), by_guard ? " through the guard" : "");
}

// The task has its memory: it writes its pattern there.
void Executor::begin_live(Task& task) {
  task.phase = Phase::live;
  fill_pattern(task.holder->bytes(), task.serial);
}

// The task takes what was granted to it.
void Executor::take(Task& task) {
  Holder& holder = task.moving ? *task.moving : *task.holder;
  const void* const reserved = holder.reserved();
  const auto answer = holder.poll({});
  if (!answer || !*answer || holder.payload() != reserved) {
    throw Corruption(fmt::format("{} cannot take what was granted to it", quoted(task.name)));
  }
  if (!task.moving) return begin_live(task);
  tell_event("{} moved to {}", task.name, offset_of(task.moving->payload()));
  finish_move(task);
}

// The second half of a resize that needs a new place.
void Executor::finish_move(Task& task) {
  task.phase = Phase::live;
  check_bytes(task);
  const auto from = task.holder->bytes();
  const auto to = task.moving->bytes();
  const std::size_t kept = std::min(from.size(), to.size());
  if (kept > 0) std::memcpy(to.data(), from.data(), kept);
  task.holder->drop();
  collect();
  agree(oracle_->release(task.block, false, grants_));
  task.holder = std::move(task.moving);
  task.block = task.moving_block;
  fill_pattern(task.holder->bytes(), task.serial, kept & ~std::size_t{7});
  ++tally_.moved;
}

void Executor::check_bytes(Task& task) const {
  const auto damage = find_damage(task.holder->bytes(), task.serial);
  if (!damage) return;
  throw Corruption(fmt::format("byte {} of {} (from line {}) is not what was written there",
                               *damage, quoted(task.name), task.line));
}

// A step that its name's kind has no use for is an error before anything was done.
void Executor::check_kind(const Op& op, const Task& task) {
  const auto fail = [&](std::string_view what) {
    fail_at(op, op.name_column, fmt::format("{} is not {}", quoted(op.name), what));
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
  if (const std::size_t owners = task.holder->owners(); owners > 1) {
    task.holder->drop();
    tell("dropped; {} left", owners - 1);
    return end(task, Phase::freed);
  }
  auto* const plain =
      task.kind == OpKind::alloc ? static_cast<BlockHolder*>(task.holder.get()) : nullptr;
  if (op.defer) {
    plain->defer_drop();
  } else {
    task.holder->drop();
  }
  collect();
  agree(oracle_->release(task.block, op.defer, grants_));
  ++tally_.freed;
  tell("{}", op.defer || oracle_->locked() ? "deferred" : "freed");
  end(task, Phase::freed);
}

void Executor::do_cancel(const Op& op) {
  Task* const task = names_.find(op.name);
  if (task == nullptr) fail_at(op, op.name_column, fmt::format("unknown name {}", quoted(op.name)));
  if (task->phase != Phase::waiting && task->phase != Phase::granted) {
    return tell("nothing to cancel: {} {}", op.name,
                task->finished() ? fmt::format("was {}", word_of(state_of(task->phase)))
                                 : std::string("has its memory"));
  }
  if (task->promised_by != nullptr) return tell("nothing to cancel: {} is to be a clone", op.name);
  make_unready(*task);
  const BlockId block = task->asking_block();
  Holder& holder = task->moving ? *task->moving : *task->holder;
  holder.cancel();
  collect();
  agree(oracle_->withdraw(block, grants_));
  ++tally_.cancelled;
  tell("cancelled");
  if (task->moving) {
    tell("; {} stays where it is", op.name);
    task->moving.reset();
    task->phase = Phase::live;
    if (!task->held.empty()) make_ready(*task);
  } else {
    end(*task, Phase::cancelled);
  }
}

void Executor::do_resize(const Op& op, Task& task) {
  check_bytes(task);
  auto& block = static_cast<BlockHolder&>(*task.holder);
  const Layout old = block.layout();
  const bool done = block.try_resize(op.size_bytes);
  collect();
  agree(oracle_->resize(task.block, op.size_bytes, done, grants_));
  if (done) {
    fill_pattern(block.bytes(), task.serial, std::min(old.size, op.size_bytes) & ~std::size_t{7});
    return tell("resized at {}", offset_of(block.payload()));
  }
  task.moving = std::make_unique<BlockHolder>(*heap_, Layout{op.size_bytes, old.align});
  task.moving_block = oracle_->add(op.size_bytes, old.align);
  by_block_.resize(std::max<std::size_t>(by_block_.size(), task.moving_block + 1));
  by_block_[task.moving_block] = &task;
  task.asked_line = op.line;
  ++tally_.requests;
  if (first_poll(task)) {
    finish_move(task);
    return tell("moved to {}", offset_of(task.holder->payload()));
  }
  tell("; {} keeps {} bytes at {}", op.name, old.size, offset_of(block.payload()));
  if (task.phase == Phase::live) task.moving.reset();
}

void Executor::do_leak(const Op& op, Task& task) {
  if (task.phase == Phase::leaked)
    fail_at(op, op.name_column, fmt::format("{} is leaked already", quoted(op.name)));
  check_bytes(task);
  task.holder->leak();
  task.phase = Phase::leaked;
  tell("leaked at {}", offset_of(task.holder->payload()));
}

void Executor::do_unleak(const Op& op, Task& task) {
  if (task.phase != Phase::leaked)
    fail_at(op, op.name_column, fmt::format("{} is not leaked", quoted(op.name)));
  task.holder->unleak();
  task.phase = Phase::live;
  check_bytes(task);
  tell("owned again at {}", offset_of(task.holder->payload()));
}

void Executor::do_push(const Op& /*op*/, Task& task) {
  auto& vec = static_cast<VecHolder&>(*task.holder);
  if (vec.push(task.serial)) return tell("{} of {}", vec.size(), vec.capacity());
  tell("full: {} of {}", vec.size(), vec.capacity());
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
  clone.holder = std::make_unique<ArcHolder>(*heap_, static_cast<const ArcHolder&>(*task.holder));
  clone.phase = Phase::live;
  tell("{} owners", clone.holder->owners());
}

// A name is over, and with it the clones that were to be made of it, and of those. Of a refused one
// it is remembered until its own free, which is then skipped.
void Executor::end(Task& task, Phase phase) {
  std::deque<Task*> ending{&task};
  for (; !ending.empty(); ending.pop_front()) {
    Task& ended = *ending.front();
    ended.phase = phase;
    ended.promised_by = nullptr;
    ended.holder.reset();
    if (phase != Phase::freed && !ended.held.empty()) {
      tell_event("{} held step{} on {} dropped", ended.held.size(),
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
