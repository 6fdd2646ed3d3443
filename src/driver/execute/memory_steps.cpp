// purpose: the steps that request memory, use it and free it.
// layer: execute; includes executor and diagnostic.
// threads: one owner.
// invariants: bytes are filled when taken, and checked before they are freed, moved or leaked.
#include <algorithm>
#include <cstring>
#include <limits>
#include <string>
#include <utility>

#include "driver/language/diagnostic.hpp"
#include "executor.hpp"

namespace mneme::driver {

namespace {

// The layout of a step's request; on overflow, a size that exceeds every heap.
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

// Called before a request that the heap could grant, as the driver fills each block it gets.
[[gnu::always_inline]] inline void Executor::check_machine(const Op& op, std::size_t size_bytes) {
  if (size_bytes > at_->capacity_bytes) return;
  try {
    machine_memory_.before_request(size_bytes, [&] {
      std::uint64_t used_bytes = 0;
      for (const auto& unit : heaps_) used_bytes += unit->checker->oracle().used_bytes();
      return used_bytes;
    });
  } catch (const InputError& error) {
    fail_at(op, op.number_column, error.what());
  }
}

void Executor::fail_unknown(const Op& op) {
  fail_at(op, op.name_column, "unknown name " + in_quotes(op.name));
}

void Executor::fail_in_use(const Op& op, Column column, const Task& known) {
  fail_at(op, column,
          in_quotes(known.name) + " has been in use since line " + std::to_string(known.line));
}

Task& Executor::begin_name(const Op& op, const NameKey& name, Column column, Task* known) {
  if (known != nullptr && !known->finished()) fail_in_use(op, column, *known);
  Task& task = names_.begin(name, known);
  task.executor = this;
  task.heap = log_.heap();
  task.line = op.line;
  task.serial = ++serials_;
  task.phase = Phase::refused;  // until it is more
  return task;
}

std::uint8_t Executor::level_of_words(const Op& op) const {
  using Kind = OracleQueue::Kind;
  const Column column = op.priority ? op.priority_column : op.holding_column;
  if (op.mode == AllocMode::try_now || op.mode == AllocMode::guard) {
    fail_at(op, column, std::string(priority_of_try));
  }
  if (op.holding && at_->queue.kind != Kind::holders_first) {
    fail_at(op, column, "'holding' needs a heap with queue=holders-first");
  }
  if (op.priority && (at_->queue.kind != Kind::priority || *op.priority >= at_->queue.number)) {
    fail_at(op, column,
            "the queue of the heap has no priority " + std::to_string(unsigned{*op.priority}));
  }
  return op.holding ? 1 : op.priority.value_or(0);
}

[[gnu::always_inline]] inline void Executor::add_block(Task& task, BlockId block) {
  if (at_->by_block.size() <= block) at_->by_block.resize(block + 1);
  at_->by_block[block] = &task;
}

[[gnu::always_inline]] inline void Executor::make_owner(const Op& op, Task& task) {
  switch (op.kind) {
    case OpKind::array:
      return task.owner.emplace<ArrayOwner>(owners_, *at_->heap, op.count, task.level);
    case OpKind::vec:
      return task.owner.emplace<VecOwner>(owners_, *at_->heap, op.count, task.level);
    case OpKind::arc: return task.owner.emplace<ArcOwner>(owners_, *at_->heap, task.level);
    default:
      task.owner.emplace<AllocationOwner>(owners_, *at_->heap,
                                          Layout{op.size_bytes, op.align_bytes}, task.level);
  }
}

// Before a request: its waker must not allocate.
void Executor::expect_one_more() {
  const std::size_t waiting_max = model().waiting() + 1;
  if (answered_.capacity() < waiting_max) answered_.reserve(2 * waiting_max);
}

// Requests the block of task.asking(). Returns true if it was granted at once: then the caller adds
// the event; otherwise the event is inserted here, at the mark.
bool Executor::first_poll(Task& task, std::size_t mark) {
  const BlockId block = task.asking_block();
  Owner& owner = task.asking();
  expect_one_more();
  const Phase before = std::exchange(task.phase, Phase::waiting);
  const auto answer = owner.poll(Waker{&Executor::on_answer, &task});
  collect();
  if (!answer) {
    ++tally_.waits;
    Checker::check_oracle(model().request(block, Answer::waiting, 0, grants_));
    log_.insert(mark, {.kind = EventKind::waiting, .size = task.asked_bytes, .name = task.name});
    return false;
  }
  task.phase = before;
  if (*answer) {
    // The same call may have made room for the requests that waited before, and for this one.
    const bool was_queued = std::ranges::find(grants_, block, &Grant::id) != grants_.end();
    ++(was_queued ? tally_.waits : tally_.granted_at_once);
    Checker::check_oracle(model().request(block, was_queued ? Answer::waiting : Answer::granted,
                                          block_offset_of(owner.payload()), grants_));
    return true;
  }
  const bool is_closed = answer->error() == AllocError::closed;
  Checker::check_oracle(
      model().request(block, is_closed ? Answer::closed : Answer::refused, 0, grants_));
  model().forget(block);
  ++(is_closed ? tally_.closed : tally_.refused);
  at_->refused += is_closed ? 0 : 1;
  log_.insert(mark, {.kind = EventKind::refused, .error = answer->error(), .name = task.name});
  if (!task.moving) end(task, is_closed ? Phase::closed : Phase::refused);
  return false;
}

// The task has its memory, and writes its pattern there.
[[gnu::always_inline]] inline void Executor::begin_live(Task& task) {
  task.phase = Phase::live;
  Checker::fill(task);
}

void Executor::do_request(const Op& op) {
  const NameKey name{op.name};
  Task* const known = names_.find(name);
  // If the last held step of a name is a free, the name can be reused after the held steps.
  if (known != nullptr && !known->finished() && known->will_be_free()) return hold(*known, op);
  if (op.mode == AllocMode::guard && !at_->guard) {
    fail_at(op, op.mode_column, "'guard' needs a preceding 'lock'");
  }
  const Layout layout = payload_layout(op);
  const std::uint8_t level = level_of(op);
  check_machine(op, layout.size);
  Task& task = begin_name(op, name, op.name_column, known);
  task.kind = op.kind;
  task.asked_line = op.line;
  task.asked_bytes = layout.size;
  task.level = level;
  task.block = model().add(layout.size, layout.align, level);
  add_block(task, task.block);
  ++tally_.requests;
  if (op.kind == OpKind::alloc && op.mode != AllocMode::wait) return request_now(op, task);
  make_owner(op, task);
  const std::size_t mark = log_.mark();
  if (!first_poll(task, mark)) return;
  begin_live(task);
  log_.insert(mark, {.kind = EventKind::granted_at_once,
                     .offset = offset_of(task.owner->payload()),
                     .name = task.name});
}

// `try` and `guard`: memory now or never.
void Executor::request_now(const Op& op, Task& task) {
  const Layout layout{op.size_bytes, op.align_bytes};
  const bool by_guard = op.mode == AllocMode::guard;
  const std::size_t mark = log_.mark();
  void* const payload = by_guard ? at_->guard.allocate(layout) : at_->heap->try_allocate(layout);
  collect();
  const Answer answer = payload == nullptr ? Answer::would_wait : Answer::granted;
  const std::size_t offset = payload == nullptr ? 0 : block_offset_of(payload);
  Checker::check_oracle(by_guard ? model().through_guard(task.block, answer, offset)
                                 : model().try_now(task.block, answer, offset, grants_));
  if (payload == nullptr) {
    model().forget(task.block);
    const auto admitted = at_->heap->check_layout(layout);
    const bool is_closed = admitted && at_->heap->is_closed();
    ++(is_closed ? tally_.closed : tally_.refused);
    at_->refused += is_closed ? 0 : 1;
    const AllocError error = !admitted   ? admitted.error()
                             : is_closed ? AllocError::closed
                                         : AllocError::would_wait;
    log_.insert(mark, {.kind = EventKind::refused, .error = error, .name = task.name});
    return end(task, is_closed ? Phase::closed : Phase::refused);
  }
  ++tally_.granted_at_once;
  task.owner.emplace<AllocationOwner>(owners_, *at_->heap, payload, layout);
  begin_live(task);
  log_.insert(
      mark, {.kind = EventKind::granted_at_once, .offset = offset_of(payload), .name = task.name});
}

// The task takes the memory that was granted to it.
void Executor::take(Task& task) {
  Owner& owner = task.asking();
  const void* const reserved = owner.reserved();
  const auto answer = owner.poll({});
  if (!answer || !*answer || owner.payload() != reserved) {
    throw Corruption(in_quotes(task.name) + " cannot take the memory granted to it");
  }
  if (!task.moving) return begin_live(task);
  log_.add(
      {.kind = EventKind::moved, .offset = offset_of(task.moving->payload()), .name = task.name});
  finish_move(task);
}

// The second half of a resize that needs a new place.
void Executor::finish_move(Task& task) {
  task.phase = Phase::live;
  Checker::check_bytes(task);
  const auto from = task.owner->bytes();
  const auto to = task.moving->bytes();
  const std::size_t kept = std::min(from.size(), to.size());
  if (kept > 0) std::memcpy(to.data(), from.data(), kept);
  task.owner->release();
  collect();
  Checker::check_oracle(model().release(task.block, false, grants_));
  task.owner.plain().take_over(task.moving.plain());
  task.moving.reset();
  task.block = task.moving_block;
  Checker::fill(task, kept & ~std::size_t{7});
  ++tally_.moved;
}

void Executor::do_free(const Op& op, Task& task) {
  Checker::check_bytes(task);
  const std::size_t owners = task.kind == OpKind::arc ? task.owner->owners() : 1;
  if (owners > 1) {
    task.owner->release();
    log_.add({.kind = EventKind::owner_dropped, .size = owners - 1, .name = task.name});
    return end(task, Phase::freed);
  }
  log_.add({.kind = op.defer || model().locked() ? EventKind::deferred : EventKind::freed,
            .offset = offset_of(task.owner->payload()),
            .name = task.name});
  if (op.defer) {  // a plain block, as check_kind() made sure
    task.owner.plain().defer_release();
  } else {
    task.owner->release();
  }
  collect();
  Checker::check_oracle(model().release(task.block, op.defer, grants_));
  ++tally_.freed;
  end(task, Phase::freed);
}

void Executor::do_cancel(const Op& op) {
  Task& task = known_task(op);
  const bool is_promised = task.promised_by != nullptr;
  if ((task.phase != Phase::waiting && task.phase != Phase::granted) || is_promised) {
    return log_.add(
        {.kind = EventKind::nothing_to_cancel, .state = state_of(task.phase), .name = task.name});
  }
  scheduler_.remove(task);
  log_.add({.kind = EventKind::cancelled, .name = task.name});
  if (task.moving) log_.add({.kind = EventKind::stays, .name = task.name});
  const BlockId block = task.asking_block();
  Owner& owner = task.asking();
  owner.cancel();
  collect();
  Checker::check_oracle(model().cancel(block, grants_));
  ++tally_.cancelled;
  if (!task.moving) return end(task, Phase::cancelled);
  task.moving.reset();
  task.phase = Phase::live;
  if (!task.held.empty()) scheduler_.add(task);
}

void Executor::do_resize(const Op& op, Task& task) {
  Checker::check_bytes(task);
  AllocationOwner& block = task.owner.plain();
  const Layout old = block.layout();
  check_machine(op, op.size_bytes - std::min(op.size_bytes, old.size));
  if (op.priority || op.holding) task.level = level_of(op);
  const std::size_t mark = log_.mark();
  const bool done = block.try_resize(op.size_bytes);
  collect();
  Checker::check_oracle(model().resize(task.block, op.size_bytes, done, grants_));
  const auto result = [&](EventKind kind) {
    log_.insert(mark, {.kind = kind,
                       .offset = offset_of(task.owner->payload()),
                       .size = op.size_bytes,
                       .name = task.name});
  };
  if (done) {
    Checker::fill(task, std::min(old.size, op.size_bytes) & ~std::size_t{7});
    return result(EventKind::resized);
  }
  check_machine(op, op.size_bytes);
  task.moving.emplace<AllocationOwner>(owners_, *at_->heap, Layout{op.size_bytes, old.align},
                                       task.level);
  task.moving_block = model().add(op.size_bytes, old.align, task.level);
  add_block(task, task.moving_block);
  task.asked_line = op.line;
  task.asked_bytes = op.size_bytes;
  ++tally_.requests;
  if (first_poll(task, mark)) {
    finish_move(task);
    return result(EventKind::moved_at_once);
  }
  log_.insert(mark + 1, {.kind = EventKind::keeps,
                         .offset = offset_of(block.payload()),
                         .size = old.size,
                         .name = task.name});
  if (task.phase == Phase::live) task.moving.reset();
}

void Executor::do_leak(const Op& op, Task& task) {
  if (task.phase == Phase::leaked) {
    fail_at(op, op.name_column, in_quotes(op.name) + " is already leaked");
  }
  Checker::check_bytes(task);
  task.owner->leak();
  task.phase = Phase::leaked;
  log_.add(
      {.kind = EventKind::leaked, .offset = offset_of(task.owner->payload()), .name = task.name});
}

void Executor::do_unleak(const Op& op, Task& task) {
  if (task.phase != Phase::leaked) {
    fail_at(op, op.name_column, in_quotes(op.name) + " is not leaked");
  }
  task.owner->adopt();
  task.phase = Phase::live;
  Checker::check_bytes(task);
  log_.add(
      {.kind = EventKind::adopted, .offset = offset_of(task.owner->payload()), .name = task.name});
}

void Executor::do_push(const Op& /*op*/, Task& task) {
  auto& vec = static_cast<VecOwner&>(*task.owner);
  const bool done = vec.push(task.serial);
  log_.add({.kind = done ? EventKind::pushed : EventKind::vec_full,
            .offset = vec.capacity(),
            .size = vec.size(),
            .name = task.name});
}

void Executor::do_clone(const Op& op, Task& task) {
  const NameKey name{op.new_name};
  Task* const promised = names_.find(name);
  const bool is_promised = promised != nullptr && promised->promised_by == &task;
  Task& clone = is_promised ? *promised : begin_name(op, name, op.new_name_column, promised);
  clone.promised_by = nullptr;
  if (!clone.held.empty()) scheduler_.add(clone);
  clone.kind = OpKind::arc;
  clone.block = task.block;
  clone.serial = task.serial;
  clone.owner.emplace<ArcOwner>(owners_, *at_->heap, static_cast<const ArcOwner&>(*task.owner));
  clone.phase = Phase::live;
  log_.add({.kind = EventKind::cloned, .size = clone.owner->owners(), .name = clone.name});
}

// As end(), and with the name its promised clones, recursively.
void Executor::end_with_held(Task& task, Phase phase) {
  std::vector<Task*> promised;
  std::size_t next = 0;
  for (Task* ended = &task;; ended = promised[next++]) {
    ended->phase = phase;
    ended->promised_by = nullptr;
    ended->owner.reset();
    if (phase != Phase::freed && !ended->held.empty()) {
      log_.add({.kind = EventKind::held_dropped, .size = ended->held.size(), .name = ended->name});
      while (!ended->held.empty()) {
        const HeldStep held = ended->held.pop();
        if (held.kind() != OpKind::clone) continue;
        promised.push_back(names_.find(NameKey{held.promised_name()}));
      }
    }
    if (phase == Phase::freed || phase == Phase::cancelled) names_.retire(*ended);
    if (next == promised.size()) return;
  }
}

}  // namespace mneme::driver
