// purpose: the interface of readers of a run: transcripts, stories, statistics, pictures.
// layer: report; includes executor.
// threads: one owner.
// invariants: a reader does not affect the run.
#pragma once

#include <span>
#include <string>

#include "driver/execute/executor.hpp"

namespace mneme::driver {

class StepReader {
 public:
  StepReader() = default;
  StepReader(const StepReader&) = delete;
  StepReader& operator=(const StepReader&) = delete;
  virtual ~StepReader() = default;

  /// Takes the events of a step, or of the end of the run; there may be none. The executor is in
  /// the state after them.
  virtual void events(std::span<const Event> events, const Executor& executor) = 0;
  /// Announces that the next events belong to a step of this task. With a text, the step has no
  /// events, and the text describes it.
  virtual void task_step(const std::string& task, const std::string& text) = 0;
};

/// Counts the steps of a run from 1, for `step 5, line 12`. Steps of tasks that do not concern the
/// heap count as well.
class StepCounter {
 public:
  /// A reader calls these first, with its own arguments.
  void events(std::span<const Event> events) {
    if (!events.empty() && events.front().kind == EventKind::step) ++step_;
  }
  void task_step(const std::string& task, const std::string& text) {
    if (!task.empty() && !text.empty()) ++step_;
  }
  [[nodiscard]] std::uint64_t step() const { return step_; }

 private:
  std::uint64_t step_ = 0;
};

}  // namespace mneme::driver
