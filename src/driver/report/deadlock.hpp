// purpose: explains a deadlock: what the head needs, and which blocks would have to be freed.
// layer: report; includes executor.
// threads: pure functions on const state.
// invariants: names and offsets only; linear in the blocks and holes, but for a sort of them.
#pragma once

#include <string>

#include "driver/execute/executor.hpp"

namespace mneme::driver {

/// For a heap with waiting requests, when no step is left. A few lines; each ends with a newline.
[[nodiscard]] std::string deadlock_explanation(const Executor& executor);

}  // namespace mneme::driver
