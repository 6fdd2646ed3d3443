// purpose: the names of a script and the tasks behind them, in memory bounded by what is alive.
// layer: execute; includes task.
// threads: one owner.
// invariants: a task has a fixed address; finished names are remembered up to a fixed number.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "task.hpp"

namespace mneme::driver {

/// How many finished names `expect` still knows.
inline constexpr std::size_t finished_names_max = 4096;

class Names {
 public:
  /// The task of a name, or nullptr. O(1).
  [[nodiscard]] Task* find(std::string_view name) {
    const auto at = tasks_.find(name);
    return at == tasks_.end() ? nullptr : at->second;
  }

  /// A task for a new name, or for one that is finished. O(1).
  [[nodiscard]] Task& begin(std::string_view name, Task* finished) {
    Task& task = finished != nullptr ? *finished : add(name);
    task.generation = ++generations_;
    return task;
  }

  /// Says that a task is over: it stays known until as many others as are remembered have finished.
  void retire(Task& task) {
    retired_.push_back({&task, task.generation});
    if (retired_.size() <= finished_names_max) return;
    const auto [oldest, generation] = retired_.front();
    retired_.pop_front();
    if (oldest->generation == generation) remove(*oldest);
  }

  template <class F>
  void for_each(F each) const {
    for (const auto& [key, task] : tasks_) each(*task);
  }

 private:
  struct Retired {
    Task* task;
    std::uint64_t generation;
  };

  Task& add(std::string_view name) {
    if (spare_.empty()) {
      store_.push_back(std::make_unique<Task>());
      spare_.push_back(store_.back().get());
    }
    Task& task = *spare_.back();
    spare_.pop_back();
    task.name = name;
    // Room for all that a long script needs, but not for a short one, as fuzzers run them.
    if (tasks_.size() == finished_names_max / 16) tasks_.reserve(4 * finished_names_max);
    tasks_.emplace(task.name, &task);
    return task;
  }
  void remove(Task& task) {
    tasks_.erase(task.name);
    task.generation = 0;
    spare_.push_back(&task);
  }

  // The keys are views of the tasks' own names, which stay put.
  std::unordered_map<std::string_view, Task*> tasks_;
  std::vector<std::unique_ptr<Task>> store_;
  std::vector<Task*> spare_;
  std::deque<Retired> retired_;
  std::uint64_t generations_ = 0;
};

}  // namespace mneme::driver
