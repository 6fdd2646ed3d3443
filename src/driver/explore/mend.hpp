// purpose: small changes of a script with tasks that might keep it from deadlocking.
// layer: explore; includes program.
// threads: pure functions.
// invariants: a change keeps what the steps of one name, semaphore or mailbox are to each other.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "driver/language/program.hpp"

namespace mneme::driver {

/// From what costs least to what costs most, or may be impossible.
enum class MendKind : std::uint8_t {
  order,          // two steps of a task change places
  raw_heap,       // another one
  larger_heap,    //
  fewer_tasks,    // at most so many at a time
  smaller_box,    // a mailbox with less room
  fewer_blocks,   // at most so many on their way through a mailbox
  merge,          // two requests become one
  earlier_frees,  // a block is freed before a request that it is freed behind
  count
};

struct Mend {
  MendKind kind{};
  std::string text;
  std::function<void(Program&)> apply;
};

/// Of which the first that holds makes the others needless: each changes less than the next.
using Alternatives = std::vector<Mend>;

/// Tasks and blocks at a time, and requests merged.
[[nodiscard]] std::vector<Alternatives> structural_mends(const Program& program);

/// Every step of a task to every other place, near ones first; at most so many.
[[nodiscard]] std::vector<Alternatives> reorderings(const Program& program, std::size_t max);

}  // namespace mneme::driver
