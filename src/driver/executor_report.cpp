// purpose: what a script expects and asks to see, and the explanation of a deadlock.
// room: driver; includes executor, diagnostic.
// threads: one owner.
// invariants: shows names and offsets only, so that the text is the same in every run.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "diagnostic.hpp"
#include "executor.hpp"

namespace mneme::driver {

namespace {

constexpr std::size_t map_columns = 64;
constexpr std::size_t map_cells_max = 512;
constexpr std::size_t names_shown_max = 8;

}  // namespace

std::string Executor::name_of(BlockId block) const { return by_block_[block]->name; }

std::uint64_t Executor::figure(Key key) const {
  const Stats counts = heap_->counts();
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
  if (task == nullptr) fail_at(op, op.name_column, fmt::format("unknown name {}", quoted(op.name)));
  const State state = state_of(task->phase);
  if (state == op.state) return tell("ok");
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
  tell("ok");
}

void Executor::fail_expectation(const Op& op, Column column, const std::string& message) {
  ++tally_.expectations_failed;
  tell("FAILED: {}", message);
  end_line();
  result_.clear();
  output_.flush();
  const Diagnostic diagnostic{Severity::error, std::string(op.file),       op.line, column,
                              message,         std::string(op.source_line)};
  std::fputs(render(diagnostic).c_str(), stderr);
  if (!options_.keep_going) throw ExpectationFailed();
}

void Executor::do_stat() {
  tell("used {} free {} largest {} live {} waiting {} deferred {} peak {}", figure(Key::used),
       figure(Key::free), figure(Key::largest), figure(Key::live), figure(Key::waiting),
       figure(Key::deferred), heap_->counts().peak_bytes);
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
  tell("{} bytes, {} a cell: # live  ~ deferred  . free  + several", capacity, cell);
  auto below = std::back_inserter(below_);
  for (std::size_t row = 0; row < cells.size(); row += map_columns) {
    fmt::format_to(below, "  {:>10} |{:<64}|\n", row * cell, cells.substr(row, map_columns));
  }
  std::string list = "  waiting:";
  for (const BlockId id : oracle_->queue()) {
    const std::string item = fmt::format(" {} ({})", name_of(id), oracle_->size_of(id));
    if (list.size() + item.size() > 79) {
      fmt::format_to(below, "{}\n", list);
      list = "          ";
    }
    list += item;
  }
  if (!oracle_->queue().empty()) fmt::format_to(below, "{}\n", list);
}

void Executor::explain_deadlock() {
  const BlockId head = oracle_->queue().front();
  const std::size_t size = oracle_->size_of(head);
  const std::size_t waiting = oracle_->waiting();
  output_.print(
      "deadlock: {} request{} wait{}, and nothing is left in the script that could grant {}\n",
      waiting, waiting == 1 ? "" : "s", waiting == 1 ? "s" : "", waiting == 1 ? "it" : "them");
  output_.print("  head of the queue: {} (line {}) needs {} bytes with its header, aligned to {}\n",
                name_of(head), by_block_[head]->line, size, oracle_->align_of(head));
  output_.print("  largest hole: {} bytes; free: {} bytes in {} hole{}\n", oracle_->largest_bytes(),
                oracle_->free_bytes(), oracle_->gaps().size(),
                oracle_->gaps().size() == 1 ? "" : "s");
  if (oracle_->locked()) {
    output_.print("  the heap is locked since line {}, and was never unlocked\n", lock_line_);
  }
  explain_room_for(head);
}

// Looks for the stretch of the region that would hold the block if the fewest bytes went: from
// every hole and every block on, for as long as it takes.
void Executor::explain_room_for(BlockId head) {
  struct Piece {
    Gap place;
    const BlockId* owner;  // none: a hole
  };
  const std::vector<BlockId> live = oracle_->live_by_offset();
  std::vector<Piece> pieces;
  for (const Gap gap : oracle_->gaps()) pieces.push_back({gap, nullptr});
  for (const BlockId& id : live)
    pieces.push_back({{oracle_->offset_of(id), oracle_->size_of(id)}, &id});
  for (const BlockId& id : oracle_->deferred_blocks()) {
    pieces.push_back({{oracle_->offset_of(id), oracle_->size_of(id)}, nullptr});
  }
  std::ranges::sort(pieces, {}, [](const Piece& piece) { return piece.place.offset; });
  std::size_t best_bytes = oracle_->capacity_bytes() + 1;
  std::size_t best_first = 0;
  std::size_t best_last = 0;
  for (std::size_t first = 0; first < pieces.size(); ++first) {
    std::size_t bytes = 0;
    Gap stretch{pieces[first].place.offset, 0};
    for (std::size_t last = first; last < pieces.size() && bytes < best_bytes; ++last) {
      stretch.size += pieces[last].place.size;
      bytes += pieces[last].owner == nullptr ? 0 : pieces[last].place.size;
      if (!Oracle::fits(stretch, oracle_->size_of(head), oracle_->align_of(head))) continue;
      if (bytes < best_bytes) {
        best_bytes = bytes;
        best_first = first;
        best_last = last;
      }
      break;
    }
  }
  std::vector<std::string> names;
  for (std::size_t at = best_first; at <= best_last && at < pieces.size(); ++at) {
    if (pieces[at].owner != nullptr) names.push_back(name_of(*pieces[at].owner));
  }
  if (names.empty()) return;  // only the lock is in the way
  const std::size_t more = names.size() > names_shown_max ? names.size() - names_shown_max : 0;
  names.resize(names.size() - more);
  output_.print("  it would fit if {} live block{} went ({} bytes): {}{}\n", names.size() + more,
                names.size() + more == 1 ? "" : "s", best_bytes, fmt::join(names, ", "),
                more == 0 ? "" : fmt::format(", and {} more", more));
}

}  // namespace mneme::driver
