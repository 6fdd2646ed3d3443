// purpose: what a search comes to: can the tasks deadlock, how soon, and how likely.
// layer: explore; includes search.
// threads: pure functions.
// invariants: of an incomplete search, only what holds whatever it has not seen.
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
  stuck,     // a task waits for a signal or a mailbox, and nobody will ever do what it waits for
  not_decided
};

/// Of a script that comes to an end: of all its schedules.
struct Shares {
  double schedules = 0;
  double bad = 0;
  double chance = 0;  // of a bad end, if each task that can go on is equally likely to be next
};

struct Verdict {
  VerdictKind kind = VerdictKind::not_decided;
  Path schedule;  // deadlock, stuck: a shortest one
  /// Steps of the schedule after which no continuation ends well; 0: already at the beginning. To
  /// end well is to come to the end, or that some task of each kind can go on for ever.
  std::optional<std::size_t> no_return;
  std::optional<Shares> shares;
  bool is_shortest = true;     // else the shortest that was found
  std::size_t bad_states = 0;  // in which nothing helps
};

[[nodiscard]] Verdict judge(const SearchResult& result, const Program& program);

}  // namespace mneme::driver
