// purpose: the steps that check expectations and show statistics.
// layer: execute; includes executor.
// threads: one owner.
// invariants: these steps change nothing.
#include <string_view>

#include "executor.hpp"

namespace mneme::driver {

std::uint64_t Executor::figure(Key key) const {
  const Stats counters = at_->heap->counters();
  switch (key) {
    case Key::used: return counters.used_bytes;
    case Key::free: return at_->heap->raw().free_bytes();
    case Key::live: return counters.live;
    case Key::waiting: return counters.waiting;
    case Key::deferred: return counters.deferred;
    case Key::peak: return counters.peak_bytes;
    case Key::refused: return at_->refused;
    case Key::largest: break;
  }
  return at_->checker->checked_largest_hole_bytes();
}

void Executor::do_expect_state(const Op& op) {
  const Task& task = known_task(op);
  const State state = state_of(task.phase);
  if (state == op.state) return log_.add({.kind = EventKind::expectation_met});
  fail_expectation({.state = state, .column = op.state_column, .name = task.name});
}

void Executor::do_expect_keys(const Op& op) {
  for (std::size_t i = 0; i < op.expectation_count; ++i) {
    const Expectation& expected = op.expectations[i];
    const std::uint64_t seen = figure(expected.key);
    if (holds(seen, expected.comparison, expected.number)) continue;
    return fail_expectation({.column = expected.number_column, .offset = i, .size = seen});
  }
  log_.add({.kind = EventKind::expectation_met});
}

void Executor::do_expect_at(const Op& op) {
  const Task& task = known_task(op);
  const void* memory = nullptr;
  if (task.phase == Phase::granted) memory = task.asking().reserved();
  if (task.has_memory() || task.moving) memory = task.owner->payload();
  Event seen{.state = state_of(task.phase), .column = op.number_column, .name = task.name};
  if (memory != nullptr) {
    seen.state = State::granted;  // also while its resize waits
    seen.offset = offset_of(memory);
    if (seen.offset == op.size_bytes) return log_.add({.kind = EventKind::expectation_met});
  }
  fail_expectation(seen);
}

void Executor::do_expect_queue(const Op& op) {
  std::string_view rest = op.queue_names;
  std::uint64_t place = 0;
  const auto fail = [&](std::string_view expected, std::string_view seen) {
    const std::string_view where = expected.empty() ? rest : expected;
    const auto column = static_cast<Column>(where.data() - op.queue_names.data());
    fail_expectation({.column = op.queue_column + column, .size = place, .name = seen});
  };
  std::string_view first = rest;
  const Task* const task = names_.find(NameKey{take_word(first)});
  if (task != nullptr) select(task->heap);
  for (const BlockId id : model().queue()) {
    const std::string_view name = take_word(rest);
    const std::string_view seen = at_->by_block[id]->name;
    ++place;
    if (name != seen) return fail(name, seen);
  }
  ++place;
  if (const std::string_view name = take_word(rest); !name.empty()) return fail(name, {});
  log_.add({.kind = EventKind::expectation_met});
}

void Executor::fail_expectation(Event seen) {
  ++tally_.expectations_failed;
  seen.kind = EventKind::expectation_failed;
  log_.add(seen);
}

void Executor::do_stat() {
  for (std::size_t i = 0; i < key_words.size(); ++i) {
    const auto key = static_cast<Key>(i);
    log_.add({.kind = EventKind::figure, .key = key, .size = figure(key)});
  }
}

}  // namespace mneme::driver
