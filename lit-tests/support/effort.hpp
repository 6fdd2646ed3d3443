// purpose: how often tests repeat what they repeat, in builds of different speed.
// layer: tests; includes settings.
// threads: any.
// invariants: each repeats at least once.
#pragma once

#include <concepts>
#include <mneme/settings.hpp>

namespace tests {

#if defined(MNEME_ASAN) || defined(MNEME_MSAN) || defined(MNEME_TYSAN)
constexpr bool is_instrumented = true;
#else
constexpr bool is_instrumented = false;
#endif
#ifdef MNEME_VALGRIND
constexpr unsigned slowness = 20;
#else
constexpr unsigned slowness = is_instrumented ? 4 : 1;
#endif

/// The number of rounds of a loop: `usual`, or a part of it in a build with a tool that makes each
/// round slow.
template <std::integral Number>
constexpr Number rounds(Number usual) {
  return static_cast<Number>((static_cast<unsigned>(usual) + slowness - 1) / slowness);
}

}  // namespace tests
