// purpose: a step of a schedule: the task, and its choice if it has several.
// layer: explore; includes the standard library.
// threads: plain data.
// invariants: none.
#pragma once

#include <cstdint>
#include <vector>

namespace mneme::driver {

struct Move {
  std::uint8_t task = 0;
  std::uint8_t choice = 0;

  bool operator==(const Move&) const = default;
};

using Path = std::vector<Move>;

}  // namespace mneme::driver
