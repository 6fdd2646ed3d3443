// purpose: formats a summary.
// layer: report; includes summary; JSON by nlohmann.
// threads: as in the header.
// invariants: as in the header.
#include "summary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <span>
#include <vector>

namespace mneme::driver {

namespace {

constexpr std::size_t never_freed_max = 10;

nlohmann::ordered_json histogram_json(const Histogram& histogram) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  histogram.for_each([&](const std::string& range, std::uint64_t count) { json[range] = count; });
  return json;
}

nlohmann::ordered_json sizes_json(const WaitHistograms& waits) {
  nlohmann::ordered_json json = nlohmann::ordered_json::array();
  for (const auto& [bytes, size] : waits.sizes()) {
    json.push_back({{"bytes_max", bytes},
                    {"requests", size.requests},
                    {"refused", size.refused},
                    {"still_waiting", size.still_waiting},
                    {"longest_wait_steps", size.longest_wait},
                    {"wait_steps", histogram_json(size.wait_steps)},
                    {"queue_depth", histogram_json(size.queue_depth)}});
  }
  return json;
}

}  // namespace

std::string never_freed(const Executor& executor) {
  if (!executor.has_heap()) return {};
  std::vector<const Task*> owners;
  for (std::size_t heap = 0; heap < executor.heap_count(); ++heap) {
    const std::vector<const Task*> first = executor.first_owners(heap);
    for (const BlockId id : executor.oracle(heap).live_by_offset()) {
      if (first[id] != nullptr) owners.push_back(first[id]);
    }
  }
  const std::size_t shown = std::min(owners.size(), never_freed_max);
  std::ranges::partial_sort(owners, owners.begin() + static_cast<std::ptrdiff_t>(shown), {},
                            &Task::generation);
  std::vector<std::string> names;
  for (const Task* const owner : std::span(owners).first(shown)) {
    names.push_back(fmt::format("{} (line {})", owner->name, owner->line));
  }
  std::string text = fmt::format("{}", fmt::join(names, ", "));
  if (owners.size() > shown) text += fmt::format(" and {} more", owners.size() - shown);
  return text;
}

namespace {

std::string peaks_text(const Tally& tally) {
  std::string text;
  for (const Tally::OfHeap& heap : tally.others) {
    text += fmt::format(", in {} {} of {}", heap.name, heap.peak_bytes, heap.capacity_bytes);
  }
  return text;
}

}  // namespace

std::string summary_text(const Tally& tally, const std::string& never_freed) {
  std::string text = fmt::format(
      "summary: {} step{}, {} request{}: {} granted at once, {} after waiting, {} refused, {} "
      "closed, {} cancelled; {} freed, {} moved\n"
      "summary: peak {} of {} bytes{}; at the end {} live, {} waiting\n",
      tally.steps, tally.steps == 1 ? "" : "s", tally.requests, tally.requests == 1 ? "" : "s",
      tally.granted_at_once, tally.granted_later, tally.refused, tally.closed, tally.cancelled,
      tally.freed, tally.moved, tally.peak_bytes, tally.capacity_bytes, peaks_text(tally),
      tally.live_at_end, tally.waiting_at_end);
  if (!never_freed.empty()) text += fmt::format("summary: never freed: {}\n", never_freed);
  return text;
}

std::string summary_json(const std::string& file, int exit_code, const Tally& tally,
                         const WaitHistograms& waits) {
  nlohmann::ordered_json json{{"file", file},
                              {"exit", exit_code},
                              {"capacity_bytes", tally.capacity_bytes},
                              {"peak_bytes", tally.peak_bytes},
                              {"steps", tally.steps},
                              {"held_steps", tally.held},
                              {"requests", tally.requests},
                              {"granted_at_once", tally.granted_at_once},
                              {"waits", tally.waits},
                              {"granted_later", tally.granted_later},
                              {"refused", tally.refused},
                              {"closed", tally.closed},
                              {"cancelled", tally.cancelled},
                              {"freed", tally.freed},
                              {"moved", tally.moved},
                              {"expectations_failed", tally.expectations_failed},
                              {"live_at_end", tally.live_at_end},
                              {"waiting_at_end", tally.waiting_at_end}};
  for (const Tally::OfHeap& heap : tally.others) {
    json["other_heaps"].push_back({{"name", heap.name},
                                   {"capacity_bytes", heap.capacity_bytes},
                                   {"peak_bytes", heap.peak_bytes}});
  }
  json["sizes"] = sizes_json(waits);
  return json.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

}  // namespace mneme::driver
