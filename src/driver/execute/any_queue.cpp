// purpose: looks up a policy by name, or returns an error that lists them all.
// layer: execute; includes any_queue, diagnostic.
// threads: pure functions.
// invariants: every row is named.
#include "any_queue.hpp"

#include <algorithm>
#include <vector>

#include "driver/language/diagnostic.hpp"

namespace mneme::driver {

std::variant<OracleQueue, QueueError> find_queue(std::string_view name,
                                                 std::optional<std::uint64_t> number) {
  const auto row = std::ranges::find(queue_rows, name, &QueueRow::name);
  if (row == queue_rows.end()) {
    std::string text;
    std::vector<std::string_view> names;
    for (const QueueRow& each : queue_rows) {
      text += (text.empty() ? "" : ", ") + std::string(each.name);
      if (!each.number_meaning.empty()) text += ":N";
      names.push_back(each.name);
    }
    return QueueError{"unknown queue " + in_quotes(name) + " (available: " + text + ")" +
                      did_you_mean(name, names)};
  }
  const std::string quoted = "queue " + in_quotes(name);
  if (row->number_meaning.empty()) {
    if (number) return QueueError{quoted + " takes no number"};
  } else if (!number) {
    return QueueError{quoted + " needs " + std::string(row->number_meaning) +
                      ": queue=" + std::string(name) + ":N"};
  } else if (*number < row->number_min || *number > row->number_max) {
    return QueueError{quoted + ": " + std::string(row->number_meaning) + " is " +
                      std::to_string(row->number_min) + " to " + std::to_string(row->number_max) +
                      ", not " + std::to_string(*number)};
  }
  return OracleQueue{.kind = static_cast<OracleQueue::Kind>(row - queue_rows.begin()),
                     .number = number.value_or(0)};
}

std::string queue_text(OracleQueue queue) {
  const QueueRow& row = queue_rows[static_cast<std::size_t>(queue.kind)];
  std::string text(row.name);
  if (!row.number_meaning.empty()) text += ':' + std::to_string(queue.number);
  return text;
}

}  // namespace mneme::driver
