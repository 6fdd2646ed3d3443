// purpose: small changes of a script with tasks that might keep it from deadlocking.
// layer: explore; includes program.
// threads: pure functions.
// invariants: a change keeps the order of the steps on each name, semaphore and mailbox.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "driver/language/program.hpp"

namespace mneme::driver {

/// From the cheapest change to the dearest, which may be impossible.
enum class MendKind : std::uint8_t {
  order,          // a step of a task moves
  queue,          // a different policy of the queue
  raw_heap,       // a different raw heap
  larger_heap,    //
  fewer_tasks,    // a limit on the tasks at a time
  smaller_box,    // a smaller mailbox
  fewer_blocks,   // a limit on the blocks in transit through a mailbox
  merge,          // two requests become one
  earlier_frees,  // a block is freed before a request instead of after it
  count
};

struct Mend {
  MendKind kind{};
  std::string text;
  std::function<void(Program&)> apply;
};

/// Only the first that helps is needed: each changes less than the next.
using Alternatives = std::vector<Mend>;

/// Limits on tasks and blocks at a time, and merged requests.
[[nodiscard]] std::vector<Alternatives> structural_mends(const Program& program);

/// Moves of each step of a task to each other place, near ones first; at most `max`.
[[nodiscard]] std::vector<Alternatives> reorderings(const Program& program, std::size_t max);

}  // namespace mneme::driver
