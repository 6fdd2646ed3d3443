// purpose: the smallest heap on which the tasks cannot deadlock, and on which they never wait.
// layer: explore; includes verdict, world.
// threads: one owner.
// invariants: results are not assumed to be monotone: each size is explored, or provably behaves
//   like one that was.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "verdict.hpp"
#include "world.hpp"

namespace mneme::driver {

/// A range of heap sizes with the same verdict.
struct FitRange {
  std::uint64_t from = 0;
  std::uint64_t to = 0;  // inclusive; no_growth: without end
  VerdictKind verdict = VerdictKind::not_decided;
  bool waits = true;  // some request waits in some order; or unknown, because of a deadlock
};

struct Fit {
  std::vector<FitRange> ranges;  // from the smallest heap that can meet each request on its own
  std::size_t explorations = 0;
  std::uint64_t states = 0;
  Bound bound = Bound::none;  // the limit that ended one of them
  /// The size from which any raw heap has room for each request, if that ended the ranges.
  std::optional<std::uint64_t> any_placement;
};

/// The goal of `fit`: `no_deadlock` explores all sizes; `no_wait` only finds the size from which
/// nothing waits.
enum class FitGoal : std::uint8_t { no_deadlock, no_wait };

/// Ignores the heap size of the options.
[[nodiscard]] Fit fit(const Program& program, const WorldOptions& options, FitGoal goal,
                      const SearchLimits& limits);

/// The smallest heap that is larger than that of the options and on which no order ends badly.
struct LargerHeap {
  std::optional<std::uint64_t> bytes;
  bool is_decided = false;  // false: the limits were reached
  std::uint64_t states = 0;
};

/// The limit on states applies to all sizes together.
[[nodiscard]] LargerHeap smallest_larger(const Program& program, const WorldOptions& options,
                                         const SearchLimits& limits);

}  // namespace mneme::driver
