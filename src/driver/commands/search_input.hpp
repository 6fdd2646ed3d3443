// purpose: what `mneme explore` and `mneme fit` share: the script, its heaps, and the limits.
// layer: commands; includes explore_command, explore.
// threads: one call at a time; a signal handler sets a flag.
// invariants: none.
#pragma once

#include <fmt/format.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include "driver/explore/search.hpp"
#include "explore_command.hpp"

namespace mneme::driver {

/// The script, with the heap that the options say. Throws InputError if it has no tasks.
[[nodiscard]] Program read_program(const ExploreOptions& options);
[[nodiscard]] WorldOptions world_options(const Program& program, const ExploreOptions& options);

/// The flag that an interrupt sets from now on.
[[nodiscard]] const volatile std::sig_atomic_t* catch_interrupts();
/// Those of the options; an interrupt ends the search, too.
[[nodiscard]] SearchLimits limits_of(const ExploreOptions& options);
/// The same for the proof that is meant to be cheap: scenarios have tens or hundreds of such
/// states.
[[nodiscard]] SearchLimits any_limits_of(const ExploreOptions& options);

/// `1,024`.
[[nodiscard]] std::string size_text(std::uint64_t number);

/// Prints a line now and then during a long search.
class Progress {
 public:
  void operator()(const SearchProgress& progress) {
    if (progress.states < 2 || !is_time()) return;
    put(fmt::format("{} states, {} steps deep, {} MiB", size_text(progress.states), progress.depth,
                    progress.bytes >> 20U));
  }
  void operator()(std::uint64_t walks) {
    if (is_time()) put(fmt::format("{} walks", size_text(walks)));
  }

 private:
  static void put(const std::string& what) {
    std::fputs(fmt::format("mneme: {}\n", what).c_str(), stderr);
  }
  [[nodiscard]] bool is_time() {
    constexpr std::chrono::seconds between{2};
    const auto now = std::chrono::steady_clock::now();
    if (now - last_ < between) return false;
    last_ = now;
    return true;
  }

  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

/// `first-fit, 1,024 bytes`; of several heaps `first-fit, 1,024 bytes; dma: pool:512, 8,192 bytes`.
[[nodiscard]] std::string heaps_text(const Program& program, const WorldOptions& options);
/// What ended a search.
[[nodiscard]] std::string_view word_of(Bound bound);

}  // namespace mneme::driver
