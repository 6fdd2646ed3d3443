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
constexpr std::size_t map_names_max = 32;

}  // namespace

std::uint64_t Executor::figure(Key key) const {
  const Stats counts = heap_->counters();
  switch (key) {
    case Key::used: return counts.used_bytes;
    case Key::free: return heap_->raw().free_bytes();
    case Key::live: return counts.live;
    case Key::waiting: return counts.waiting;
    case Key::deferred: return counts.deferred;
    case Key::peak: return counts.peak_bytes;
    case Key::refused: return tally_.refused;
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
      fmt::format("expected {} {}, got {}", op.name, word_of(op.state), word_of(state)));
}

void Executor::do_expect_keys(const Op& op) {
  for (std::size_t i = 0; i < op.expectation_count; ++i) {
    const Expectation& expected = op.expectations[i];
    const std::uint64_t seen = figure(expected.key);
    if (holds(seen, expected.comparison, expected.number)) continue;
    const std::string_view comparison = word_of(expected.comparison);
    return fail_expectation(
        op, expected.number_column,
        fmt::format("expected {} {}{}{}, got {}", word_of(expected.key), comparison,
                    comparison.empty() ? "" : " ", expected.number, seen));
  }
  append("ok");
}

void Executor::do_expect_at(const Op& op) {
  const Task* const task = names_.find(op.name);
  if (task == nullptr)
    fail_at(op, op.name_column, fmt::format("unknown name {}", in_quotes(op.name)));
  const void* memory = nullptr;
  if (task->phase == Phase::granted) memory = task->asking().reserved();
  if (task->has_memory() || task->moving) memory = task->owner->payload();
  if (memory == nullptr) {
    return fail_expectation(op, op.number_column,
                            fmt::format("expected {} at {}, but it is {}", op.name, op.size_bytes,
                                        word_of(state_of(task->phase))));
  }
  const std::size_t seen = offset_of(memory);
  if (seen == op.size_bytes) return append("ok");
  fail_expectation(op, op.number_column,
                   fmt::format("expected {} at {}, got {}", op.name, op.size_bytes, seen));
}

void Executor::do_expect_queue(const Op& op) {
  std::string_view rest = op.queue_names;
  const auto fail = [&](std::string_view where, const std::string& message) {
    const auto column = static_cast<Column>(where.data() - op.queue_names.data());
    fail_expectation(op, op.queue_column + column, message);
  };
  std::size_t place = 0;
  for (const BlockId id : oracle_->queue()) {
    const std::string_view name = take_word(rest);
    const std::string& seen = by_block_[id]->name;
    ++place;
    if (name == seen) continue;
    return fail(name.empty() ? rest : name,
                fmt::format("expected {} at place {} of the queue, got {}",
                            name.empty() ? "nothing" : name, place, seen));
  }
  if (const std::string_view name = take_word(rest); !name.empty()) {
    return fail(name,
                fmt::format("expected {} at place {} of the queue, got nothing", name, place + 1));
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
  for (std::size_t key = 0; key < key_words.size(); ++key) {
    append("{}{} {}", key == 0 ? "" : " ", key_words[key], figure(static_cast<Key>(key)));
  }
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
  const std::vector<const Task*> owners = first_owners();
  std::vector<std::string> live;
  for (const BlockId id : oracle_->live_by_offset()) {
    live.push_back(fmt::format("{} at {} ({})",
                               owners[id] == nullptr ? by_block_[id]->name : owners[id]->name,
                               oracle_->offset_of(id) + word_bytes, oracle_->size_of(id)));
    if (live.size() == map_names_max) break;
  }
  put_list("  live:", live, oracle_->live());
  std::vector<std::string> waiting;
  for (const BlockId id : oracle_->queue()) {
    waiting.push_back(fmt::format("{} ({})", by_block_[id]->name, oracle_->size_of(id)));
    if (waiting.size() == map_names_max) break;
  }
  put_list("  waiting:", waiting, oracle_->waiting());
}

// A list below the map, in lines of at most 79 columns. Of `count` items those given are shown.
void Executor::put_list(std::string line, std::span<const std::string> items, std::size_t count) {
  if (count == 0) return;
  auto below = std::back_inserter(below_);
  const std::size_t indent = line.size();
  const auto put = [&](const std::string& item) {
    if (line.size() > indent && line.size() + 1 + item.size() > 79) {
      fmt::format_to(below, "{}\n", line);
      line.assign(indent, ' ');
    }
    line += ' ' + item;
  };
  for (std::size_t i = 0; i < items.size(); ++i) put(items[i] + (i + 1 < count ? "," : ""));
  if (count > items.size()) put(fmt::format("and {} more", count - items.size()));
  fmt::format_to(below, "{}\n", line);
}

}  // namespace mneme::driver
