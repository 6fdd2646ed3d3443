// purpose: the map of a heap: the use of each part of the region, and the names of blocks.
// layer: report; includes executor.
// threads: pure functions on const state.
// invariants: at most 79 columns, and a bounded number of rows and names.
#pragma once

#include <fmt/format.h>

#include "driver/execute/executor.hpp"

namespace mneme::driver {

/// The result of the step: `1024 bytes, 8 a cell`.
void put_map_result(fmt::memory_buffer& text, const Executor& executor);

/// The rows, and lists of names; each line ends with a newline.
void put_map(fmt::memory_buffer& text, const Executor& executor);

}  // namespace mneme::driver
