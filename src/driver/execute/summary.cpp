// purpose: the lines of summary behind a transcript, and what a script never freed.
// layer: execute; includes executor.
// threads: one owner.
// invariants: a few lines, however many blocks there are.
#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "executor.hpp"

namespace mneme::driver {

namespace {

constexpr std::size_t never_freed_max = 10;

}  // namespace

// The live blocks at the end, the oldest first, by the names of their owners.
void Executor::remember_live() {
  std::vector<const Task*> owners;
  const std::vector<const Task*> first = first_owners();
  for (const BlockId id : oracle_->live_by_offset()) {
    if (first[id] != nullptr) owners.push_back(first[id]);
  }
  const std::size_t shown = std::min(owners.size(), never_freed_max);
  std::ranges::partial_sort(owners, owners.begin() + static_cast<std::ptrdiff_t>(shown), {},
                            &Task::generation);
  std::vector<std::string> names;
  for (const Task* const owner : std::span(owners).first(shown)) {
    names.push_back(fmt::format("{} (line {})", owner->name, owner->line));
  }
  never_freed_ = fmt::format("{}", fmt::join(names, ", "));
  if (owners.size() > shown) never_freed_ += fmt::format(" and {} more", owners.size() - shown);
}

void Executor::print_summary() {
  output_.print(
      "summary: {} step{}, {} request{}: {} granted at once, {} after waiting, {} refused, {} "
      "closed, {} cancelled; {} freed, {} moved\n",
      tally_.steps, tally_.steps == 1 ? "" : "s", tally_.requests, tally_.requests == 1 ? "" : "s",
      tally_.granted_at_once, tally_.granted_later, tally_.refused, tally_.closed, tally_.cancelled,
      tally_.freed, tally_.moved);
  output_.print("summary: peak {} of {} bytes; at the end {} live, {} waiting\n", tally_.peak_bytes,
                tally_.capacity_bytes, tally_.live_at_end, tally_.waiting_at_end);
  if (!never_freed_.empty()) output_.print("summary: never freed: {}\n", never_freed_);
}

}  // namespace mneme::driver
