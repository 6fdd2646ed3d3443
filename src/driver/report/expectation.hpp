// purpose: the message for a failed expectation.
// layer: report; includes event, diagnostic.
// threads: pure functions.
// invariants: the event is an expectation_failed, and its step still exists.
#pragma once

#include <string>

#include "driver/execute/event.hpp"
#include "driver/language/diagnostic.hpp"

namespace mneme::driver {

/// `expected used 0, got 600`.
[[nodiscard]] std::string expectation_message(const Event& failed);

/// The same as an error that points at the argument.
[[nodiscard]] Diagnostic expectation_diagnostic(const Event& failed);

}  // namespace mneme::driver
