// purpose: the answer of `mneme fit` as a picture: outcomes over sizes of the heap.
// layer: commands; includes fit, svg.
// threads: pure functions.
// invariants: one row an outcome; a range is at least two pixels wide.
#pragma once

#include <string>

#include "driver/explore/fit.hpp"

namespace mneme::driver {

/// Of ranges that are not empty.
[[nodiscard]] std::string draw_fit(const Fit& fit, const std::string& title);

/// `deadlock`, `no deadlock`, `nothing waits` and so on: the outcome of a range.
[[nodiscard]] std::string_view word_of(const FitRange& range);

}  // namespace mneme::driver
