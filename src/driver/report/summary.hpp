// purpose: the summary of a run, as text or as JSON, and the blocks that a script never freed.
// layer: report; includes executor.
// threads: pure functions on const state.
// invariants: a few lines, however many blocks there are.
#pragma once

#include <string>

#include "driver/execute/executor.hpp"
#include "wait_histograms.hpp"

namespace mneme::driver {

/// The live blocks after the last step, the oldest first, by the names of their owners: `a (line
/// 2), b (line 3) and 7 more`. Empty if there are none.
[[nodiscard]] std::string never_freed(const Executor& executor);

/// Two lines, and a third if something was never freed; each ends with a newline.
[[nodiscard]] std::string summary_text(const Tally& tally, const std::string& never_freed);

/// One line, without a newline.
[[nodiscard]] std::string summary_json(const std::string& file, int exit_code, const Tally& tally,
                                       const WaitHistograms& waits);

}  // namespace mneme::driver
