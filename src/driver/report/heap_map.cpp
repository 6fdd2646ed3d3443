// purpose: paints cells, and breaks lists into lines.
// layer: report; includes heap_map.
// threads: as in the header.
// invariants: as in the header.
#include "heap_map.hpp"

#include <algorithm>
#include <iterator>
#include <span>
#include <string>
#include <vector>

namespace mneme::driver {

namespace {

constexpr std::size_t row_cells = 64;
constexpr std::size_t map_cells_max = 512;
constexpr std::size_t listed_max = 32;
constexpr std::size_t line_columns_max = 79;

std::size_t cell_bytes(const Oracle& oracle) {
  return std::max<std::size_t>((oracle.extent_bytes() / map_cells_max + 7) / 8 * 8, 8);
}

std::string cells_of(const Oracle& oracle) {
  const std::size_t cell = cell_bytes(oracle);
  std::string cells((oracle.extent_bytes() + cell - 1) / cell, ' ');
  const auto paint = [&](std::size_t offset, std::size_t size, char with) {
    for (std::size_t at = offset / cell; at * cell < offset + size; ++at) {
      cells[at] = cells[at] == ' ' || cells[at] == with ? with : '+';
    }
  };
  for (const Gap gap : oracle.gaps()) paint(gap.offset, gap.size, '.');
  for (const BlockId id : oracle.live_by_offset()) {
    paint(oracle.offset_of(id), oracle.size_of(id), '#');
  }
  for (const BlockId id : oracle.deferred_blocks()) {
    paint(oracle.offset_of(id), oracle.size_of(id), '~');
  }
  return cells;
}

// A list below the map, which shows the given items, the first of `count`.
void put_list(fmt::memory_buffer& text, std::string line, std::span<const std::string> items,
              std::size_t count) {
  if (count == 0) return;
  const auto out = std::back_inserter(text);
  const std::size_t indent = line.size();
  const auto put = [&](const std::string& item) {
    if (line.size() > indent && line.size() + 1 + item.size() > line_columns_max) {
      fmt::format_to(out, "{}\n", line);
      line.assign(indent, ' ');
    }
    line += ' ' + item;
  };
  for (std::size_t i = 0; i < items.size(); ++i) put(items[i] + (i + 1 < count ? "," : ""));
  if (count > items.size()) put(fmt::format("and {} more", count - items.size()));
  fmt::format_to(out, "{}\n", line);
}

}  // namespace

void put_map_result(fmt::memory_buffer& text, const Executor& executor) {
  const Oracle& oracle = executor.oracle(executor.last_heap());
  fmt::format_to(std::back_inserter(text), "{} bytes, {} a cell", oracle.capacity_bytes(),
                 cell_bytes(oracle));
}

void put_map(fmt::memory_buffer& text, const Executor& executor) {
  const Oracle& oracle = executor.oracle(executor.last_heap());
  const std::size_t cell = cell_bytes(oracle);
  const std::string cells = cells_of(oracle);
  const auto out = std::back_inserter(text);
  fmt::format_to(out, "{:>14}# live  ~ deferred  . free  + several\n", "");
  for (std::size_t row = 0; row < cells.size(); row += row_cells) {
    fmt::format_to(out, "{:>12} |{:<64}|\n", row * cell, cells.substr(row, row_cells));
  }
  const std::vector<const Task*> owners = executor.first_owners(executor.last_heap());
  std::vector<std::string> live;
  for (const BlockId id : oracle.live_by_offset()) {
    const Task& owner =
        owners[id] == nullptr ? executor.requester_of(executor.last_heap(), id) : *owners[id];
    live.push_back(fmt::format("{} at {} ({})", owner.name, oracle.offset_of(id) + word_bytes,
                               oracle.size_of(id)));
    if (live.size() == listed_max) break;
  }
  put_list(text, "  live:", live, oracle.live());
  std::vector<std::string> waiting;
  for (const BlockId id : oracle.queue()) {
    waiting.push_back(fmt::format("{} ({})", executor.requester_of(executor.last_heap(), id).name,
                                  oracle.size_of(id)));
    if (waiting.size() == listed_max) break;
  }
  put_list(text, "  waiting:", waiting, oracle.waiting());
}

}  // namespace mneme::driver
