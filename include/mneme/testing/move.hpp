// purpose: a step of a schedule: the task, and its choice if it has several.
// layer: testing; includes L0.
// threads: plain data.
// invariants: none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "../settings.hpp"

namespace mneme::inline MNEME_SETTINGS::testing {

/// The maximum number of tasks.
inline constexpr std::size_t tasks_max = 64;

/// Where another task may run next: anywhere, or only where a task waits.
enum class Switches : std::uint8_t { anywhere, waits };
using enum Switches;

struct Move {
  std::uint8_t task = 0;
  std::uint8_t choice = 0;

  bool operator==(const Move&) const = default;
};

using Path = std::vector<Move>;

}  // namespace mneme::inline MNEME_SETTINGS::testing
