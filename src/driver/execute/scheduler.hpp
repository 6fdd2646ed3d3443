// purpose: the list of tasks that can run, and the choice of the next.
// layer: execute; includes task.
// threads: one owner.
// invariants: a task is in the list at most once; first ready, first run.
#pragma once

#include <cstddef>
#include <list>
#include <optional>
#include <utility>

#include "task.hpp"

namespace mneme::driver {

/// Tasks that were granted, or whose held steps can go on, and that have not run yet.
class Scheduler {
 public:
  void add(Task& task) {
    if (!task.in_ready) task.in_ready = ready_.insert(ready_.end(), &task);
  }
  void remove(Task& task) {
    if (task.in_ready) ready_.erase(*std::exchange(task.in_ready, std::nullopt));
  }
  [[nodiscard]] Task& take_next() {
    Task& task = *ready_.front();
    remove(task);
    return task;
  }

  [[nodiscard]] bool empty() const { return ready_.empty(); }
  [[nodiscard]] std::size_t size() const { return ready_.size(); }
  /// The tasks in the order in which they will run.
  [[nodiscard]] const std::list<Task*>& ready() const { return ready_; }

  /// The task whose held steps are being carried out, or nullptr.
  [[nodiscard]] const Task* running() const { return running_; }
  void set_running(const Task* task) { running_ = task; }

 private:
  std::list<Task*> ready_;
  const Task* running_ = nullptr;
};

}  // namespace mneme::driver
