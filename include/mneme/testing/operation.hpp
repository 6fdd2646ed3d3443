// purpose: one visible operation of a C++ task: what a step of an exploration carries out.
// layer: testing; includes L0.
// threads: one.
// invariants: an operation is part of its task's frame while it is announced.
#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <source_location>
#include <string>

#include "../settings.hpp"

namespace mneme::inline MNEME_SETTINGS::testing {

/// A task stops before each of its operations and announces it, so that others may go first. The
/// exploration carries it out in a step of the task, and then resumes the task up to its next one.
class Operation {
 public:
  [[nodiscard]] virtual bool can_go() const { return true; }
  /// How many ways it can go.
  [[nodiscard]] virtual std::size_t choices() const { return 1; }
  /// Carries it out. False if it has to wait for memory; the heap then resumes the task.
  [[nodiscard]] virtual bool start(std::size_t choice) = 0;
  /// Whether it can be given up while it waits for memory.
  [[nodiscard]] virtual bool can_time_out() const { return false; }
  virtual void give_up() {}
  /// Whether it lets another task run where switches are only possible at waits.
  [[nodiscard]] virtual bool yields() const { return false; }
  /// A bit for what it waits for if it cannot go.
  [[nodiscard]] virtual std::uint64_t blocking() const { return 0; }
  /// In words, where its line of source cannot be read: `wait for credits`.
  [[nodiscard]] virtual std::string text() const = 0;

  [[nodiscard]] const std::source_location& where() const { return where_; }
  [[nodiscard]] std::coroutine_handle<> task() const { return task_; }
  void announced(std::coroutine_handle<> task, const std::source_location& where) {
    task_ = task;
    where_ = where;
  }

 protected:
  Operation() = default;
  Operation(const Operation&) = default;
  Operation& operator=(const Operation&) = default;
  ~Operation() = default;

 private:
  std::coroutine_handle<> task_;
  std::source_location where_;
};

}  // namespace mneme::inline MNEME_SETTINGS::testing
