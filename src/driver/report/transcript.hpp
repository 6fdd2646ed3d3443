// purpose: formats events as the lines of a transcript.
// layer: report; includes executor.
// threads: one owner.
// invariants: the text has names and offsets only, so it is the same in every run.
#pragma once

#include <fmt/format.h>

#include <concepts>
#include <span>
#include <string_view>

#include "driver/execute/executor.hpp"

namespace mneme::driver {

/// A line is `head`, `result`, a newline, and `below`. The views are valid until the next line.
struct TranscriptLine {
  EventKind kind{};          // step, held_step, runs or end
  const Op* step = nullptr;  // that of the events
  std::string_view head;     // `12: free a -> `, or empty
  std::string_view result;   // `freed; b granted at 8`
  std::string_view below;    // whole lines, such as those of a map
};

class Transcript {
 public:
  /// Calls `each` with every line of the events of one call. The executor is in the state after it.
  template <std::invocable<const TranscriptLine&> F>
  void each_line(std::span<const Event> events, const Executor& executor, F each) {
    while (!events.empty()) {
      std::size_t count = 1;
      while (count < events.size() && !is_head(events[count].kind)) ++count;
      if (format(events.first(count), executor)) {
        each(TranscriptLine{.kind = events.front().kind,
                            .step = events.front().step,
                            .head = {head_.data(), head_.size()},
                            .result = {result_.data(), result_.size()},
                            .below = {below_.data(), below_.size()}});
      }
      events = events.subspan(count);
    }
  }

 private:
  [[nodiscard]] static bool is_head(EventKind kind) { return kind <= EventKind::end; }
  [[nodiscard]] bool format(std::span<const Event> line, const Executor& executor);
  void put_head(const Event& head);
  void put_result(const Event& event, const Executor& executor);
  void put_event(const Event& event);

  fmt::memory_buffer head_;
  fmt::memory_buffer result_;
  fmt::memory_buffer below_;
};

}  // namespace mneme::driver
