// purpose: the history of a run: blocks and waits as spans of steps, and the heap after each step.
// layer: report; includes step_reader.
// threads: one owner.
// invariants: spans are in the order of their first step; time is counted in steps, and a span
//   [from, to) begins after step `from` and ends after step `to`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "step_reader.hpp"

namespace mneme::driver {

/// From 1.
using StepNumber = std::uint32_t;

inline constexpr StepNumber not_ended = std::numeric_limits<StepNumber>::max();

struct BlockSpan {
  std::string name;         // of its first owner
  std::uint32_t task = 0;   // that requested it
  std::uint64_t asked = 0;  // bytes
  std::uint8_t heap = 0;
  std::uint64_t offset = 0;  // of the block in its heap, its header included
  std::uint64_t size = 0;
  StepNumber from = 0;
  StepNumber to = not_ended;
  StepNumber deferred_from = not_ended;  // when it was freed, if it is only reusable from `to` on
};

enum class WaitEnd : std::uint8_t { waits, granted, cancelled, closed, refused };

/// A request that was not granted at once.
struct WaitSpan {
  std::string name;
  std::uint32_t task = 0;
  std::uint64_t line = 0;
  std::uint64_t asked = 0;  // bytes
  std::uint64_t need = 0;   // with the header; 0: it is for the lock
  StepNumber from = 0;
  StepNumber to = not_ended;  // refused: as `from`
  WaitEnd end = WaitEnd::waits;
  AllocError error{};  // refused
  // When it was requested or, if it waits forever, at the end.
  std::size_t before = 0;   // the number of requests ahead of it
  std::uint64_t lacks = 0;  // how many bytes the largest hole is too small
};

/// The heap after a step; of several, the sums, and the largest hole of all.
struct HeapSample {
  std::uint64_t used = 0;
  std::uint64_t largest_hole = 0;
  std::uint32_t waiting = 0;
};

/// The end of the region from a step on; `extend` moves it.
struct RegionEnd {
  StepNumber from = 1;
  std::uint64_t bytes = 0;
};

struct StepText {
  std::uint32_t task = 0;
  std::uint64_t line = 0;  // 0: after the script
  std::string text;
};

/// Records up to steps_max steps of a run, and ignores later ones.
class History final : public StepReader {
 public:
  static constexpr std::size_t steps_max = 1'000'000;

  explicit History(std::size_t steps = steps_max) : steps_allowed_{steps} {}

  void events(std::span<const Event> events, const Executor& executor) override;
  void task_step(const std::string& task, const std::string& text) override;

  [[nodiscard]] StepNumber steps() const { return static_cast<StepNumber>(texts_.size()); }
  /// Of a step, from 1.
  [[nodiscard]] const StepText& text_of(StepNumber step) const { return texts_[step - 1]; }
  [[nodiscard]] const HeapSample& behind(StepNumber step) const { return samples_[step - 1]; }
  [[nodiscard]] std::span<const BlockSpan> blocks() const { return blocks_; }
  [[nodiscard]] std::span<const WaitSpan> waits() const { return waits_; }
  /// The names of tasks; the first is empty, for steps outside of tasks.
  [[nodiscard]] std::span<const std::string> tasks() const { return tasks_; }
  [[nodiscard]] bool has_tasks() const { return tasks_.size() > 1; }
  /// The names of the heaps; that of the first is empty.
  [[nodiscard]] std::span<const std::string> heaps() const { return heaps_; }
  /// From the first step of a heap on, in their order.
  [[nodiscard]] std::span<const RegionEnd> region_ends(std::size_t heap) const {
    return region_ends_[heap];
  }
  /// The end of the region at the end of the run.
  [[nodiscard]] std::uint64_t capacity_bytes(std::size_t heap) const {
    return region_ends_[heap].empty() ? 0 : region_ends_[heap].back().bytes;
  }
  /// Of all heaps. A picture shows them one behind the other.
  [[nodiscard]] std::uint64_t capacity_bytes() const { return start_of(heaps_.size()); }
  /// Where a heap begins in a picture.
  [[nodiscard]] std::uint64_t start_of(std::size_t heap) const {
    std::uint64_t start = 0;
    for (std::size_t before = 0; before < heap; ++before) start += capacity_bytes(before);
    return start;
  }
  /// Where a block is in a picture.
  [[nodiscard]] std::uint64_t place_of(const BlockSpan& block) const {
    return start_of(block.heap) + block.offset;
  }
  /// ` in dma`; empty for the first heap.
  [[nodiscard]] std::string where(std::size_t heap) const {
    return heaps_[heap].empty() ? std::string() : " in " + heaps_[heap];
  }
  /// Whether later steps were ignored.
  [[nodiscard]] bool is_cut() const { return is_cut_; }

 private:
  [[nodiscard]] bool begin_step(std::string text, std::uint64_t line);
  void see(const Event& event);
  void begin_block(const Event& event, std::uint64_t asked, bool moves);
  void end_block(std::size_t block);
  void begin_wait(const Event& event);
  void end_wait(const Event& event, WaitEnd end);
  void finish_move(const Event& event);
  void reclaim(const Executor& executor);
  void look_at_queue(const Executor& executor, std::size_t heap, StepNumber from);
  void look_at_heaps(const Executor& executor, bool is_end);
  [[nodiscard]] std::uint32_t task_number(const std::string& task);

  struct Name {
    std::size_t block = none;
    std::size_t moving = none;  // the block that its resize moves to
    std::size_t wait = none;
  };
  static constexpr std::size_t none = std::numeric_limits<std::size_t>::max();

  [[nodiscard]] Name& name_of(const Event& event) { return names_[std::string(event.name)]; }

  std::size_t steps_allowed_;
  bool is_cut_ = false;
  std::vector<std::string> heaps_;
  std::vector<std::vector<RegionEnd>> region_ends_;  // by heap
  std::uint32_t task_ = 0;                           // of the current step
  std::vector<StepText> texts_;
  std::vector<HeapSample> samples_;
  std::vector<BlockSpan> blocks_;
  std::vector<WaitSpan> waits_;
  std::vector<std::string> tasks_{""};
  std::unordered_map<std::string, std::uint32_t> task_numbers_{{"", 0}};
  std::unordered_map<std::string, Name> names_;  // that hold a block or wait for one
  /// Live blocks, by payload offset, and by the heap in its highest bits.
  std::unordered_map<std::uint64_t, std::size_t> by_offset_;
  std::vector<std::size_t> deferred_;
};

}  // namespace mneme::driver
