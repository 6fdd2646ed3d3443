// purpose: statistics by request size: how long requests wait, and behind how many others.
// layer: report; includes step_reader, size_class.
// threads: one owner.
// invariants: memory is bounded by the waiting requests and some 60 classes, however long the run.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "size_class.hpp"
#include "step_reader.hpp"

namespace mneme::driver {

/// Counts values in ranges that double: 0, 1, 2–3, 4–7 and so on.
class Histogram {
 public:
  void add(std::uint64_t value) { ++counts_[static_cast<std::size_t>(std::bit_width(value))]; }

  /// Calls `each` with each range that is not empty, as text (`2-3`), and its count.
  template <class F>
  void for_each(F each) const {
    for (std::size_t width = 0; width < counts_.size(); ++width) {
      if (counts_[width] != 0) each(range_of(width), counts_[width]);
    }
  }

 private:
  [[nodiscard]] static std::string range_of(std::size_t width) {
    if (width < 2) return std::to_string(width);
    const std::uint64_t least = std::uint64_t{1} << (width - 1);
    return std::to_string(least) + '-' + std::to_string(least + (least - 1));
  }

  std::array<std::uint64_t, 65> counts_{};
};

/// Statistics of the requests of one size class.
struct SizeStats {
  std::uint64_t requests = 0;
  std::uint64_t refused = 0;        // also by a closed heap
  std::uint64_t still_waiting = 0;  // at the end
  std::uint64_t longest_wait = 0;
  Histogram wait_steps;   // until the grant; 0 if granted at once
  Histogram queue_depth;  // requests ahead, for those that were granted or had to wait
};

class WaitHistograms final : public StepReader {
 public:
  void events(std::span<const Event> events, const Executor& executor) override;
  void task_step(const std::string& task, const std::string& text) override {
    counter_.task_step(task, text);
  }

  /// By the largest size of each class.
  [[nodiscard]] const std::map<std::uint64_t, SizeStats>& sizes() const { return sizes_; }

 private:
  struct Waiting {
    std::uint64_t size_class = 0;
    std::uint64_t since = 0;
  };

  void see(const Event& event);
  void end(const Event& event, bool is_granted);

  StepCounter counter_;
  std::vector<std::uint64_t> waiting_before_;  // by heap: requests waiting before the current step
  std::map<std::uint64_t, SizeStats> sizes_;
  std::unordered_map<std::string, Waiting> waiting_;
};

}  // namespace mneme::driver
