// purpose: the step of a schedule, by its name here.
// layer: explore; includes testing.
// threads: plain data.
// invariants: none.
#pragma once

#include <mneme/testing/move.hpp>

namespace mneme::driver {

using testing::Move;
using testing::Path;
using testing::Switches;

}  // namespace mneme::driver
