// purpose: a run as a Chrome trace, for ui.perfetto.dev and chrome://tracing.
// layer: report; includes history.
// threads: pure functions on const state.
// invariants: one step is one microsecond; spans of a track are nested or disjoint.
#pragma once

#include <string>

#include "history.hpp"

namespace mneme::driver {

/// Trace-event JSON: a track for each task or, without tasks, one for the script and one for each
/// name that ever waited; a span for each step and each wait; counters of the heap.
[[nodiscard]] std::string perfetto_trace(const History& history);

}  // namespace mneme::driver
