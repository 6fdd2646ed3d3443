// purpose: the steps that concern a heap as a whole: polls, the lock, closing and extending it.
// layer: execute; includes executor and diagnostic.
// threads: one owner.
// invariants: see executor.hpp.
#include <limits>
#include <memory>
#include <string>
#include <utility>

#include "driver/language/diagnostic.hpp"
#include "executor.hpp"

namespace mneme::driver {

namespace {

static_assert(default_raw_heap == ScriptRawHeaps::names.front());

using RawTable = ScriptRawHeaps;

std::size_t row_of(const Op& heap) {
  const std::optional<std::size_t> row = RawTable::find(heap.raw);
  if (!row) fail_at(heap, heap.raw_column, unknown_raw_heap(heap.raw, raw_heap_forms<RawTable>()));
  if (const auto wrong = wrong_form(*row, heap.raw_bytes.has_value())) {
    fail_at(heap, heap.raw_bytes ? heap.raw_number_column : heap.raw_column, *wrong);
  }
  return *row;
}

OracleQueue queue_of(const Op& heap) {
  auto found = find_queue(heap.queue, heap.queue_number);
  if (const auto* const error = std::get_if<QueueError>(&found)) {
    fail_at(heap, heap.queue_policy_column, error->message);
  }
  return std::get<OracleQueue>(found);
}

std::string too_large_for(std::size_t row, std::uint64_t size_bytes) {
  return "heap too large for " + std::string(RawTable::names[row]) + ": " +
         std::to_string(size_bytes) + " bytes (maximum " +
         std::to_string(RawTable::max_region_bytes[row]) + ")";
}

}  // namespace

void Executor::do_heap(const Op& op) {
  const std::optional<std::uint64_t> instead =
      op.kind == OpKind::heap ? options_.heap_bytes : std::nullopt;
  const std::uint64_t size_bytes = instead.value_or(op.size_bytes);
  const auto fail = [&](const std::string& message) {
    if (instead) throw InputError("--heap=" + std::to_string(size_bytes) + ": " + message);
    fail_at(op, op.number_column, message);
  };
  const std::size_t row = row_of(op);
  const OracleQueue queue = queue_of(op);
  if (size_bytes < RawTable::min_region_bytes[row]) {
    fail("heap too small: " + std::to_string(size_bytes) + " bytes (minimum " +
         std::to_string(RawTable::min_region_bytes[row]) + ")");
  }
  if (size_bytes > RawTable::max_region_bytes[row]) fail(too_large_for(row, size_bytes));
  const RawArguments arguments{.number = op.raw_bytes.value_or(0), .align = op.align_bytes};
  if (const auto wrong = RawTable::wrong(row, size_bytes, arguments)) {
    fail_at(op, op.raw_number_column, *wrong);
  }
  auto unit = std::make_unique<HeapUnit>(op.heap_name, row);
  try {
    unit->region.emplace(RawTable::region_bytes(row, size_bytes, arguments));
  } catch (const InputError& error) {
    fail(error.what());
  }
  AnyRaw::select(row, arguments);
  AnyQueue::select(queue);
  unit->queue = queue;
  unit->heap.emplace(unit->region->bytes());
  unit->checker.emplace(*unit->heap, queue);
  unit->capacity_bytes = unit->heap->capacity_bytes();
  if (op.kind == OpKind::heap) {
    poll_mode_ = op.poll_mode;
    tally_.capacity_bytes = unit->capacity_bytes;
  } else {
    tally_.others.push_back({.name = unit->name, .capacity_bytes = unit->capacity_bytes});
  }
  heaps_.push_back(std::move(unit));
  select(heaps_.size() - 1);
  log_.add({.kind = EventKind::heap_made, .size = at_->capacity_bytes});
}

void Executor::do_poll() {
  poll_now();
  polled_ = true;
}

// The grants of the poll come first, then the tasks that run next.
void Executor::poll_now() {
  for (std::size_t heap = 0; heap < heaps_.size(); ++heap) {
    select(heap);
    at_->heap->poll();
    collect();
    Checker::check_oracle(model().poll(grants_));
  }
  log_.add({.kind = EventKind::polled, .size = scheduler_.size()});
  for (const Task* const task : scheduler_.ready()) {
    log_.add({.kind = EventKind::resumed, .name = task->name});
  }
}

void Executor::poll_deferred_now() {
  at_->heap->poll();
  collect();
  Checker::check_oracle(model().poll(grants_));
}

void Executor::do_lock(const Op& op) {
  if (!op.name.empty()) return request_lock(op);
  if (at_->guard) return log_.add({.kind = EventKind::lock_busy, .size = at_->lock_line});
  at_->guard = at_->heap->try_lock();
  if (!at_->guard) throw Corruption("the heap cannot be locked although it is not locked");
  model().lock();
  at_->lock_line = op.line;
  log_.add({.kind = EventKind::locked});
}

// `lock` in a task, under the name of a request, which ends with the grant.
void Executor::request_lock(const Op& op) {
  const NameKey name{op.name};
  Task& task = begin_name(op, name, op.name_column, names_.find(name));
  task.kind = OpKind::lock;
  task.asked_line = op.line;
  task.level = level_of(op);
  const BlockId block = task.block = model().add_lock(task.level);
  add_block(task, block);
  ++tally_.requests;
  task.owner.emplace<LockOwner>(owners_, *at_->heap, task.level);
  task.phase = Phase::waiting;
  expect_one_more();
  const std::size_t mark = log_.mark();
  const bool is_granted = task.owner->poll(Waker{&Executor::on_answer, &task}).has_value();
  collect();
  log_.insert(mark,
              {.kind = is_granted ? EventKind::locked : EventKind::lock_waits, .name = task.name});
  ++(is_granted ? tally_.granted_at_once : tally_.waits);
  if (is_granted) take_lock(task);
  Checker::check_oracle(
      model().request(block, is_granted ? Answer::granted : Answer::waiting, 0, grants_));
}

void Executor::take_lock(Task& task) {
  at_->guard = static_cast<LockOwner&>(*task.owner).take_guard();
  if (!at_->guard) throw Corruption(in_quotes(task.name) + " cannot take the lock granted to it");
  at_->lock_line = task.asked_line;
  end(task, Phase::freed);
}

void Executor::do_unlock(const Op& op) {
  if (!at_->guard) fail_at(op, op.column, "unlock without a lock");
  log_.add({.kind = EventKind::unlocked});
  at_->guard.unlock();
  collect();
  Checker::check_oracle(model().unlock(grants_));
}

void Executor::do_close() {
  log_.add({.kind = EventKind::heap_closed});
  at_->heap->close();
  collect();
  Checker::check_oracle(model().close(ended_));
}

// The memory behind the region is there before the heap is given it.
void Executor::do_extend(const Op& op) {
  constexpr std::uint64_t bytes_max = std::numeric_limits<std::uint64_t>::max();
  const std::uint64_t more = extension_bytes(op);
  const std::uint64_t before = model().extent_bytes();
  const std::uint64_t wanted = more > bytes_max - before ? bytes_max : before + more;
  if (!RawTable::can_extend[at_->raw_row]) {
    fail_at(op, op.column,
            "raw heap " + in_quotes(RawTable::names[at_->raw_row]) + " cannot be extended");
  }
  if (wanted > RawTable::max_region_bytes[at_->raw_row]) {
    fail_at(op, op.number_column, too_large_for(at_->raw_row, wanted));
  }
  if (at_->guard) return log_.add({.kind = EventKind::not_extended});
  try {
    at_->region->extend_to(wanted);
  } catch (const InputError& error) {
    fail_at(op, op.number_column, error.what());
  }
  log_.add({.kind = EventKind::extended, .size = at_->capacity_bytes + more});
  if (!at_->heap->extend(more))
    throw Corruption("the heap cannot be extended although nobody holds it");
  collect();
  Checker::check_oracle(model().extend(more, grants_));
  at_->capacity_bytes = at_->heap->capacity_bytes();
  if (last_heap() == 0) {
    tally_.capacity_bytes = at_->capacity_bytes;
  } else {
    tally_.others[last_heap() - 1].capacity_bytes = at_->capacity_bytes;
  }
}

}  // namespace mneme::driver
