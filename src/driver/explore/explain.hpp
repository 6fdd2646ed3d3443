// purpose: explains a deadlock to a person.
// layer: explore; includes verdict, world, testing.
// threads: one owner.
// invariants: everything printed was first carried out on the library and on the oracle.
#pragma once

#include <mneme/testing/explanation.hpp>
#include <string>

#include "verdict.hpp"
#include "world.hpp"

namespace mneme::driver {

/// Explains a verdict that has a schedule, by replaying it on the world, after the steps `before`,
/// which are not shown. Whole lines. Throws Corruption if the replay differs from the search.
[[nodiscard]] std::string explanation(World& world, const Verdict& verdict,
                                      const Path& before = {});

/// `imu*3 camera uplink`: the schedule as `mneme run --schedule` takes it.
[[nodiscard]] std::string schedule_text(const World& world, const Path& schedule);

using testing::grouped;

}  // namespace mneme::driver
