// purpose: the verdict of a search: can the tasks deadlock, how soon, and how likely.
// layer: explore; includes search.
// threads: pure functions.
// invariants: the verdict of an incomplete search holds whatever the unexplored states are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "search.hpp"

namespace mneme::driver {

enum class VerdictKind : std::uint8_t {
  no_deadlock,
  deadlock,  // some request for memory can never be granted any more
  stuck,     // a task waits for a signal or a mailbox that no task will ever serve
  not_decided
};

/// Statistics over all schedules of a script that terminates.
struct Shares {
  double schedules = 0;
  double bad = 0;
  double chance = 0;  // of a bad end, if each task that can run is equally likely to be next
};

struct Verdict {
  VerdictKind kind = VerdictKind::not_decided;
  Path schedule;  // deadlock, stuck: a shortest one
  /// The number of steps of the schedule after which no continuation ends well; 0: none does from
  /// the beginning. A run ends well if all tasks end, or some task of each kind can run forever.
  std::optional<std::size_t> no_return;
  std::optional<Shares> shares;
  bool is_shortest = true;     // false: only the shortest found so far
  std::size_t bad_states = 0;  // from which no continuation ends well
};

[[nodiscard]] Verdict judge(const SearchResult& result, const Program& program);

}  // namespace mneme::driver
