// purpose: what a script expects and asks to see.
// layer: execute; includes executor, diagnostic.
// threads: one owner.
// invariants: shows names and offsets only, so that the text is the same in every run.
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "driver/language/diagnostic.hpp"
#include "executor.hpp"

namespace mneme::driver {

namespace {

constexpr std::size_t map_columns = 64;
constexpr std::size_t map_cells_max = 512;

}  // namespace

std::uint64_t Executor::figure(Key key) const {
  const Stats counts = heap_->counters();
  switch (key) {
    case Key::used: return counts.used_bytes;
    case Key::free: return heap_->raw().free_bytes();
    case Key::live: return counts.live;
    case Key::waiting: return counts.waiting;
    case Key::deferred: return counts.deferred;
    case Key::largest: break;
  }
  const std::size_t largest = heap_->raw().largest_hole_bytes();
  if (largest != oracle_->largest_bytes()) {
    throw Corruption(fmt::format("the oracle differs: largest is {}, and should be {}", largest,
                                 oracle_->largest_bytes()));
  }
  return largest;
}

void Executor::do_expect_state(const Op& op) {
  const Task* const task = names_.find(op.name);
  if (task == nullptr)
    fail_at(op, op.name_column, fmt::format("unknown name {}", in_quotes(op.name)));
  const State state = state_of(task->phase);
  if (state == op.state) return append("ok");
  fail_expectation(
      op, op.state_column,
      fmt::format("expected {} {}, and it is {}", op.name, word_of(op.state), word_of(state)));
}

void Executor::do_expect_keys(const Op& op) {
  for (std::size_t i = 0; i < op.expectation_count; ++i) {
    const Expectation& expected = op.expectations[i];
    const std::uint64_t seen = figure(expected.key);
    if (seen == expected.number) continue;
    return fail_expectation(
        op, expected.number_column,
        fmt::format("expected {} {}, and it is {}", word_of(expected.key), expected.number, seen));
  }
  append("ok");
}

void Executor::fail_expectation(const Op& op, Column column, const std::string& message) {
  ++tally_.expectations_failed;
  append("FAILED: {}", message);
  end_line();
  const Diagnostic diagnostic{Severity::error, std::string(op.file),       op.line, column,
                              message,         std::string(op.source_line)};
  output_.report(render(diagnostic));
  if (!options_.keep_going) throw ExpectationFailed();
}

void Executor::do_stat() {
  append("used {} free {} largest {} live {} waiting {} deferred {} peak {}", figure(Key::used),
         figure(Key::free), figure(Key::largest), figure(Key::live), figure(Key::waiting),
         figure(Key::deferred), heap_->counters().peak_bytes);
}

void Executor::do_map() {
  if (options_.quiet) return;
  const std::size_t capacity = oracle_->capacity_bytes();
  const std::size_t cell = std::max<std::size_t>((capacity / map_cells_max + 7) / 8 * 8, 8);
  std::string cells((capacity + cell - 1) / cell, ' ');
  const auto paint = [&](std::size_t offset, std::size_t size, char with) {
    for (std::size_t at = offset / cell; at * cell < offset + size; ++at) {
      cells[at] = cells[at] == ' ' || cells[at] == with ? with : '+';
    }
  };
  for (const Gap gap : oracle_->gaps()) paint(gap.offset, gap.size, '.');
  for (const BlockId id : oracle_->live_by_offset()) {
    paint(oracle_->offset_of(id), oracle_->size_of(id), '#');
  }
  for (const BlockId id : oracle_->deferred_blocks()) {
    paint(oracle_->offset_of(id), oracle_->size_of(id), '~');
  }
  append("{} bytes, {} a cell", capacity, cell);
  auto below = std::back_inserter(below_);
  fmt::format_to(below, "{:>14}# live  ~ deferred  . free  + several\n", "");
  for (std::size_t row = 0; row < cells.size(); row += map_columns) {
    fmt::format_to(below, "{:>12} |{:<64}|\n", row * cell, cells.substr(row, map_columns));
  }
  std::string list = "  waiting:";
  for (const BlockId id : oracle_->queue()) {
    const std::string item = fmt::format(" {} ({})", by_block_[id]->name, oracle_->size_of(id));
    if (list.size() + item.size() > 79) {
      fmt::format_to(below, "{}\n", list);
      list = "          ";
    }
    list += item;
  }
  if (!oracle_->queue().empty()) fmt::format_to(below, "{}\n", list);
}

}  // namespace mneme::driver
