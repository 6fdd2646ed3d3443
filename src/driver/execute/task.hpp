// purpose: one name of a script: a small task, with a request or memory, and held steps.
// layer: execute; includes op, owner, oracle.
// threads: one owner.
// invariants: steps are only held behind a request whose memory is not taken yet, and run in order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "driver/language/op.hpp"
#include "driver/model/oracle.hpp"
#include "owner.hpp"

namespace mneme::driver {

class Executor;

/// The state of a task.
enum class Phase : std::uint8_t {
  waiting,    ///< its request waits; steps are held. Next: granted, cancelled, closed
  granted,    ///< its memory is reserved, its task has not run yet. Next: live, cancelled
  live,       ///< it has its memory. Next: waiting (a resize that must move), leaked, freed
  leaked,     ///< as live, but nothing owns the memory. Next: live
  freed,      ///< finished
  cancelled,  ///< finished
  refused,    ///< never had memory. Finished once it is freed
  closed,     ///< as refused
};

/// A step that waits for the grant of its task. Owns its strings.
class HeldStep {
 public:
  explicit HeldStep(const Op& step)
      : op_{step}, name_{step.name}, new_name_{step.new_name}, source_line_{step.source_line} {}

  [[nodiscard]] OpKind kind() const { return op_.kind; }
  /// The name that a held clone will introduce, else empty.
  [[nodiscard]] std::string_view promised_name() const { return new_name_; }
  /// Valid until this step is moved.
  [[nodiscard]] const Op& op() {
    op_.name = name_;
    op_.new_name = new_name_;
    op_.source_line = source_line_;
    return op_;
  }

 private:
  Op op_;
  std::string name_;
  std::string new_name_;
  std::string source_line_;
};

/// The held steps of a task, first in, first out. A vector with the index of its first element:
/// most tasks hold no steps, and an empty deque is not small. It has no memory when it is empty:
/// thousands of finished tasks are remembered.
class HeldSteps {
 public:
  [[nodiscard]] bool empty() const { return first_ == steps_.size(); }
  [[nodiscard]] std::size_t size() const { return steps_.size() - first_; }
  [[nodiscard]] const HeldStep& back() const { return steps_.back(); }
  void push(const Op& op) { steps_.emplace_back(op); }
  [[nodiscard]] HeldStep pop() {
    HeldStep step = std::move(steps_[first_++]);
    if (empty()) clear();
    return step;
  }
  void clear() {
    std::vector<HeldStep>().swap(steps_);
    first_ = 0;
  }

 private:
  std::vector<HeldStep> steps_;
  std::size_t first_ = 0;
};

struct Task {
  std::string name;
  std::uint64_t name_hash = 0;
  OpKind kind = OpKind::alloc;  // or array, vec, arc; or lock, until that is granted
  Phase phase = Phase::freed;
  std::uint8_t heap = 0;              // of its block
  const Task* promised_by = nullptr;  // it will be a clone of that task, whose step is held; it
                                      // waits without a request of its own
  std::uint64_t line = 0;             // of the step that introduced the name
  std::uint64_t asked_line = 0;       // of its last request: `line`, or that of a resize
  std::uint64_t asked_bytes = 0;      // the payload of its last request
  std::uint64_t generation = 0;       // distinguishes this use of the name from earlier ones
  std::uint64_t serial = 0;           // of the pattern in its bytes
  std::uint8_t level = 0;             // of its requests, in a queue that has levels
  BlockId block = 0;
  AnyOwner owner;
  AnyOwner moving;  // the new block of a resize that waits
  BlockId moving_block = 0;
  HeldSteps held;
  std::optional<std::list<Task*>::iterator> in_ready;  // its place in the scheduler's list
  Executor* executor = nullptr;

  [[nodiscard]] bool finished() const {
    return phase == Phase::freed || phase == Phase::cancelled || phase == Phase::refused ||
           phase == Phase::closed;
  }
  [[nodiscard]] bool has_memory() const { return phase == Phase::live || phase == Phase::leaked; }
  /// Whether the name will be free again after the held steps.
  [[nodiscard]] bool will_be_free() const {
    return !held.empty() &&
           (held.back().kind() == OpKind::free || held.back().kind() == OpKind::drop);
  }
  /// The owner of the last request: the new block of a resize, or the first block.
  [[nodiscard]] Owner& asking() const { return moving ? *moving : *owner; }
  [[nodiscard]] BlockId asking_block() const { return moving ? moving_block : block; }
};

[[nodiscard]] constexpr State state_of(Phase phase) {
  switch (phase) {
    case Phase::waiting: return State::waiting;
    case Phase::granted:
    case Phase::live:
    case Phase::leaked: return State::granted;
    case Phase::freed: return State::freed;
    case Phase::cancelled: return State::cancelled;
    case Phase::refused: return State::refused;
    case Phase::closed: return State::closed;
  }
  return State::freed;
}

}  // namespace mneme::driver
