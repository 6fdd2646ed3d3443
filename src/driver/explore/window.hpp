// purpose: a window of a schedule: the steps before its first one, and tasks that end after it.
// layer: explore; includes schedule, world.
// threads: one owner.
// invariants: the steps before the window are those of the schedule.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "driver/language/program.hpp"
#include "schedule.hpp"
#include "world.hpp"

namespace mneme::driver {

/// The steps `from` to `to` of a schedule, counted from 1.
struct Window {
  std::string schedule = "round-robin";
  std::optional<std::size_t> from;
  std::optional<std::size_t> to;

  [[nodiscard]] bool is_whole() const { return !from && !to; }
  /// The number of steps before it.
  [[nodiscard]] std::size_t skipped() const { return from.value_or(1) - 1; }
};

/// Ends each task where it is after the window, if that has an end, and returns the schedule's
/// steps before it. Throws InputError if the window is no part of the schedule; if a request waits
/// after it, as its memory is freed later; or if some task has loops, choices or copies, as then it
/// could be at another place each time.
[[nodiscard]] Path cut_to(Program& program, const WorldOptions& options, const Window& window);

/// Makes the first state of `world` that after these steps.
void begin_after(World& world, const Path& steps);

}  // namespace mneme::driver
