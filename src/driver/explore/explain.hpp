// purpose: a deadlock, told so that a person understands it.
// layer: explore; includes verdict, world.
// threads: one owner.
// invariants: what is printed was carried out on the library, beside the oracle, before.
#pragma once

#include <string>

#include "verdict.hpp"
#include "world.hpp"

namespace mneme::driver {

/// Of a verdict with a schedule, which is replayed on the world for it. Whole lines.
/// Throws Corruption if the replay shows something else than the search.
[[nodiscard]] std::string explanation(World& world, const Verdict& verdict);

/// `imu*3 camera uplink`: the schedule as `mneme run --schedule` takes it.
[[nodiscard]] std::string schedule_text(const World& world, const Path& schedule);

/// `44,800`; for what is larger than all whole numbers in a double: `2.1e+20`.
[[nodiscard]] std::string grouped(double number);

}  // namespace mneme::driver
