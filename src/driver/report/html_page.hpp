// purpose: a page with a picture and its transcript, which shows details under the pointer.
// layer: report; includes picture, transcript.
// threads: one owner.
// invariants: the page is self-contained.
#pragma once

#include <string>
#include <vector>

#include "picture.hpp"
#include "step_reader.hpp"
#include "transcript.hpp"

namespace mneme::driver {

/// The lines of a transcript, with their step numbers.
class TranscriptLines final : public StepReader {
 public:
  struct Line {
    StepNumber step = 0;
    std::string text;
  };

  void events(std::span<const Event> events, const Executor& executor) override;
  void task_step(const std::string& task, const std::string& text) override;
  /// Adds lines that belong to no step.
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
