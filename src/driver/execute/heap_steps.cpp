// purpose: the steps that concern a heap as a whole: its making, polls, the lock, closing, extending.
// layer: execute; includes executor and diagnostic.
// threads: one owner.
// invariants: see executor.hpp.
#include <limits>
#include <string>

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
  const std::uint64_t size_bytes = options_.heap_bytes.value_or(op.size_bytes);
  const auto fail = [&](const std::string& message) {
    if (options_.heap_bytes)
      throw InputError("--heap=" + std::to_string(size_bytes) + ": " + message);
    fail_at(op, op.number_column, message);
  };
  raw_row_ = row_of(op);
  queue_ = queue_of(op);
  if (size_bytes < RawTable::min_region_bytes[raw_row_]) {
    fail("heap too small: " + std::to_string(size_bytes) + " bytes (minimum " +
         std::to_string(RawTable::min_region_bytes[raw_row_]) + ")");
  }
  if (size_bytes > RawTable::max_region_bytes[raw_row_]) fail(too_large_for(raw_row_, size_bytes));
  const RawArguments arguments{.number = op.raw_bytes.value_or(0), .align = op.align_bytes};
  if (const auto wrong = RawTable::wrong(raw_row_, size_bytes, arguments)) {
    fail_at(op, op.raw_number_column, *wrong);
  }
  try {
    region_.emplace(RawTable::region_bytes(raw_row_, size_bytes, arguments));
  } catch (const InputError& error) {
    fail(error.what());
  }
  AnyRaw::select(raw_row_, arguments);
  AnyQueue::select(queue_);
  heap_.emplace(region_->bytes());
  checker_.emplace(*heap_, queue_);
  poll_mode_ = op.poll_mode;
  tally_.capacity_bytes = heap_->capacity_bytes();
  log_.add({.kind = EventKind::heap_made, .size = heap_->capacity_bytes()});
}

void Executor::do_poll() {
  poll_now();
  polled_ = true;
}

// The grants of the poll come first, then the tasks that run next.
void Executor::poll_now() {
  heap_->poll();
  collect();
  Checker::check_oracle(model().poll(grants_));
  log_.add({.kind = EventKind::polled, .size = scheduler_.size()});
  for (const Task* const task : scheduler_.ready()) {
    log_.add({.kind = EventKind::resumed, .name = task->name});
  }
}

// With poll=auto, a deferred free takes effect at the end of its step.
void Executor::poll_deferred() {
  if (poll_mode_ == PollMode::manual || model().locked() || model().deferred() == 0) return;
  heap_->poll();
  collect();
  Checker::check_oracle(model().poll(grants_));
}

void Executor::do_lock(const Op& op) {
  if (guard_) return log_.add({.kind = EventKind::lock_busy, .size = lock_line_});
  guard_ = heap_->try_lock();
  if (!guard_) throw Corruption("the heap cannot be locked although it is not locked");
  model().lock();
  lock_line_ = op.line;
  log_.add({.kind = EventKind::locked});
}

void Executor::do_unlock(const Op& op) {
  if (!guard_) fail_at(op, op.column, "unlock without a lock");
  log_.add({.kind = EventKind::unlocked});
  guard_.unlock();
  collect();
  Checker::check_oracle(model().unlock(grants_));
}

void Executor::do_close() {
  log_.add({.kind = EventKind::heap_closed});
  heap_->close();
  collect();
  Checker::check_oracle(model().close(ended_));
}

// The memory behind the region is there before the heap is given it.
void Executor::do_extend(const Op& op) {
  constexpr std::uint64_t bytes_max = std::numeric_limits<std::uint64_t>::max();
  const std::uint64_t more = extension_bytes(op);
  const std::uint64_t before = oracle().extent_bytes();
  const std::uint64_t wanted = more > bytes_max - before ? bytes_max : before + more;
  if (!RawTable::can_extend[raw_row_]) {
    fail_at(op, op.column,
            "raw heap " + in_quotes(RawTable::names[raw_row_]) + " cannot be extended");
  }
  if (wanted > RawTable::max_region_bytes[raw_row_]) {
    fail_at(op, op.number_column, too_large_for(raw_row_, wanted));
  }
  if (guard_) return log_.add({.kind = EventKind::not_extended});
  try {
    region_->extend_to(wanted);
  } catch (const InputError& error) {
    fail_at(op, op.number_column, error.what());
  }
  log_.add({.kind = EventKind::extended, .size = tally_.capacity_bytes + more});
  if (!heap_->extend(more))
    throw Corruption("the heap cannot be extended although nobody holds it");
  collect();
  Checker::check_oracle(model().extend(more, grants_));
  tally_.capacity_bytes = heap_->capacity_bytes();
}

}  // namespace mneme::driver
