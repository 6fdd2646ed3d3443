// purpose: what reads a run while it goes: transcripts, stories, statistics, pictures.
// layer: report; includes executor.
// threads: one owner.
// invariants: a reader changes nothing of the run.
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

  /// What a step caused, or what went on at the end: none, if that was nothing. The executor is as
  /// behind that.
  virtual void events(std::span<const Event> events, const Executor& executor) = 0;
  /// The next events are of a step of this task; or, with a text, there are none, and that is it.
  virtual void task_step(const std::string& task, const std::string& text) = 0;
};

/// `step 5, line 12`, of the steps of a run as its readers count them: from 1, those of tasks that
/// are none of the heap included.
class StepCounter {
 public:
  /// Called first of all, with what the reader is called with.
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
