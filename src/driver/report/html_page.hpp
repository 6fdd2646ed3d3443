// purpose: a picture and its transcript as one page that answers what is under the pointer.
// layer: report; includes picture, transcript.
// threads: one owner.
// invariants: the page needs nothing but itself.
#pragma once

#include <string>
#include <vector>

#include "picture.hpp"
#include "step_reader.hpp"
#include "transcript.hpp"

namespace mneme::driver {

/// The lines of a transcript, with their steps.
class TranscriptLines final : public StepReader {
 public:
  struct Line {
    StepNumber step = 0;
    std::string text;
  };

  void events(std::span<const Event> events, const Executor& executor) override;
  void task_step(const std::string& task, const std::string& text) override;
  /// What is no step's.
  void add(std::string_view text);

  [[nodiscard]] std::span<const Line> lines() const { return lines_; }

 private:
  Transcript transcript_;
  StepCounter counter_;
  std::string task_;
  std::vector<Line> lines_;
};

[[nodiscard]] std::string html_page(const History& history, const Picture& picture,
                                    const PictureOptions& options, const TranscriptLines& lines);

}  // namespace mneme::driver
