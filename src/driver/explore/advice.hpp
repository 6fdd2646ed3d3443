// purpose: finds small changes that prevent a deadlock, by exploring each changed script.
// layer: explore; includes mend, search, world.
// threads: one owner.
// invariants: a change is only said to help if all orders of the changed script were explored;
//   advice is the same in every run, as states bound it and not time.
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
  std::vector<std::string> fails;      // some order still deadlocks, or is stuck
  std::vector<std::string> undecided;  // the limits were reached
};

/// Advice for a program that deadlocks with these options. The limits apply to all explorations
/// together.
[[nodiscard]] Advice advise(const Program& program, const WorldOptions& options,
                            const SearchLimits& limits);

/// Whole lines.
[[nodiscard]] std::string text_of(const Advice& advice);

}  // namespace mneme::driver
