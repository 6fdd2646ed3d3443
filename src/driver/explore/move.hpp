// purpose: a step of a schedule: which task, and what it chooses where it has a choice.
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
