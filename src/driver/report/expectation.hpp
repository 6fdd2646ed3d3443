// purpose: the words for an expectation that failed.
// layer: report; includes event, diagnostic.
// threads: pure functions.
// invariants: the event is an expectation_failed, and its step is still there.
#pragma once

#include <string>

#include "driver/execute/event.hpp"
#include "driver/language/diagnostic.hpp"

namespace mneme::driver {

/// `expected used 0, got 600`.
[[nodiscard]] std::string expectation_message(const Event& failed);

/// The same as an error at the argument that was wrong.
[[nodiscard]] Diagnostic expectation_diagnostic(const Event& failed);

}  // namespace mneme::driver
