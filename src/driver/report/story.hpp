// purpose: tells the story of one request: why it waited, and what ended the wait.
// layer: report; includes step_reader.
// threads: one owner.
// invariants: each wait takes a bounded number of lines, however many steps it lasts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "step_reader.hpp"

namespace mneme::driver {

/// The story of all uses of a name, in order.
class Story final : public StepReader {
 public:
  explicit Story(std::string name) : name_{std::move(name)} {}

  void events(std::span<const Event> events, const Executor& executor) override;
  void task_step(const std::string& task, const std::string& text) override;

  /// Call after the run. Nothing if the name was never requested.
  [[nodiscard]] std::optional<std::string> text() const;
  /// `; did you mean 'a'?`, with the nearest name of the run, or nothing.
  [[nodiscard]] std::string nearest_name() const;

 private:
  /// A change of any of these is worth a line while the request waits.
  struct Situation {
    std::size_t place = 0;  // in the queue, from 0
    std::size_t free_bytes = 0;
    std::size_t largest_bytes = 0;
    std::size_t deferred = 0;
    bool is_locked = false;

    bool operator==(const Situation&) const = default;
  };

  void see(const Event& event, const Executor& executor);
  void begin(std::string_view what);
  void put_asked(const Event& event, const Executor& executor);
  void put_waiting(const Executor& executor);
  void put_end(const Executor& executor);
  void put_room(const Executor& executor, BlockId waiting);
  void put_line(std::string line);
  void put_change(std::string line);
  void end_wait(std::string_view how);
  void put_left_out();
  [[nodiscard]] std::string place_in_run() const;
  [[nodiscard]] std::string after_steps() const;
  [[nodiscard]] std::optional<BlockId> waiting_block(const Executor& executor) const;
  [[nodiscard]] Situation situation(const Executor& executor, BlockId waiting) const;

  std::string name_;
  std::string text_;
  std::set<std::string, std::less<>> names_;
  StepCounter counter_;
  std::string task_;        // of the current step, if any
  std::string step_text_;   // of the current line
  std::uint64_t line_ = 0;  // of the script
  std::uint64_t uses_ = 0;
  std::uint64_t asked_ = 0;  // the step of the waiting request
  std::size_t heap_ = 0;     // of the request
  bool is_waiting_ = false;
  bool is_described_ = false;  // what the waiting request needs
  Situation last_;
  std::size_t changes_ = 0;  // during the current wait
  std::deque<std::string> latest_;
};

}  // namespace mneme::driver
