// purpose: the smallest heap on which the tasks cannot deadlock, and on which they never wait.
// layer: explore; includes verdict, world.
// threads: one owner.
// invariants: nothing is assumed to be monotone: each size is explored, or cannot differ from one
//   that was.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "verdict.hpp"
#include "world.hpp"

namespace mneme::driver {

/// Sizes of the heap with the same answer.
struct FitRange {
  std::uint64_t from = 0;
  std::uint64_t to = 0;  // including; no_growth: all that are larger
  VerdictKind verdict = VerdictKind::not_decided;
  bool waits = true;  // in some order some request does; or it is not known, as there is a deadlock
};

struct Fit {
  std::vector<FitRange> ranges;  // from the smallest heap that could meet each request by itself
  std::size_t explorations = 0;
  std::uint64_t states = 0;
  Bound bound = Bound::none;  // that ended one of them
  /// The size from which any raw heap has room for each request, if that is what ends the ranges.
  std::optional<std::uint64_t> any_placement;
};

/// What fit answers: `deadlock` explores all sizes; `wait` only looks for the size from which
/// nothing waits.
enum class FitGoal : std::uint8_t { no_deadlock, no_wait };

/// The options' size does not matter.
[[nodiscard]] Fit fit(const Program& program, const WorldOptions& options, FitGoal goal,
                      const SearchLimits& limits);

/// The smallest heap that is larger than the options' and on which no order of steps ends badly.
struct LargerHeap {
  std::optional<std::uint64_t> bytes;
  bool is_decided = false;  // else the limits were reached
  std::uint64_t states = 0;
};

/// The limit on states holds for all sizes together.
[[nodiscard]] LargerHeap smallest_larger(const Program& program, const WorldOptions& options,
                                         const SearchLimits& limits);

}  // namespace mneme::driver
