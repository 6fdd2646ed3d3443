// purpose: draws the result of `mneme fit`: outcomes over heap sizes.
// layer: commands; includes fit, svg.
// threads: pure functions.
// invariants: one row for each outcome; a range is at least two pixels wide.
#pragma once

#include <string>

#include "driver/explore/fit.hpp"

namespace mneme::driver {

/// The ranges must not be empty.
[[nodiscard]] std::string draw_fit(const Fit& fit, const std::string& title);

/// `deadlock`, `no deadlock`, `nothing waits` and so on: the outcome of a range.
[[nodiscard]] std::string_view word_of(const FitRange& range);

}  // namespace mneme::driver
