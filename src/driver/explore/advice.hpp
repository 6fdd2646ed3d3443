// purpose: which small changes keep tasks from deadlocking: each is explored anew.
// layer: explore; includes mend, search, world.
// threads: one owner.
// invariants: a change is said to help if all orders of the changed script were explored; advice is
//   the same in every run, as it is bounded by states and not by time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "search.hpp"
#include "world.hpp"

namespace mneme::driver {

struct Advice {
  std::vector<std::string> helps;      // the best first
  std::vector<std::string> fails;      // tried, and some order deadlocks still, or is stuck
  std::vector<std::string> undecided;  // it would take too long
};

/// Of a program that deadlocks with these options. The limits hold for all explorations together.
[[nodiscard]] Advice advise(const Program& program, const WorldOptions& options,
                            const SearchLimits& limits);

/// Whole lines.
[[nodiscard]] std::string text_of(const Advice& advice);

}  // namespace mneme::driver
