// purpose: an input for several tasks: their number, a schedule, and a script split among them.
// layer: fuzz; includes the library and the driver's codec.
// threads: each task calls next_step() for itself.
// invariants: any bytes are a valid input.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <mneme/mneme.hpp>
#include <optional>
#include <span>
#include <string>
#include "driver/language/byte_codec.hpp"
#include "driver/language/format_op.hpp"

#include "finding.hpp"

namespace mneme::fuzz {

/// Bytes: the number of tasks, the length of the schedule, the schedule, a script. Of its steps
/// the first is the first task's, the second the second's, and so on.
class World final : public Reproducer {
 public:
  explicit World(std::span<const std::uint8_t> bytes)
      : tasks{2 + take(bytes) % 3U},
        choices_{take_span(bytes)},
        script_{driver::decode(bytes)},
        heap{std::span(region_).first(64 +
                                      script_.ops.front().size_bytes % (region_.size() - 63))} {}

  /// The next step of a task, or nullptr at its end.
  const driver::Op* next_step(std::size_t task) {
    const std::size_t at = 1 + task + tasks * steps_[task].fetch_add(1, std::memory_order_relaxed);
    if (at >= script_.ops.size()) return nullptr;
    const driver::Op& op = script_.ops[at];
    if (op.defer) has_deferred_.store(true, std::memory_order_relaxed);
    return &op;
  }

  std::optional<unsigned> next_choice() {
    if (choices_.empty()) return std::nullopt;
    const unsigned choice = choices_.front();
    choices_ = choices_.subspan(1);
    return choice;
  }

  /// Whether any step deferred a free since the last reset.
  [[nodiscard]] bool has_deferred() const { return has_deferred_.load(std::memory_order_relaxed); }
  void forget_deferred() { has_deferred_.store(false, std::memory_order_relaxed); }

  /// The steps of each task in turn; as a script, this is one of many possible orders.
  [[nodiscard]] std::string text() const override {
    std::string text = "heap " + std::to_string(heap.capacity_bytes()) +
                       " align=" + std::to_string(script_.ops.front().align_bytes) + "\n";
    driver::CommandBuffer buffer;
    for (std::size_t at = 1; at < script_.ops.size(); ++at) {
      const std::size_t task = (at - 1) % tasks;
      const bool begun = (at - 1) / tasks < steps_[task].load(std::memory_order_relaxed);
      driver::Op op = script_.ops[at];
      const std::string name = std::string(op.name) + "." + std::to_string(task);
      if (!op.name.empty() && op.kind != driver::OpKind::clone) op.name = name;
      text += format_op(op, buffer);
      text += "  # task " + std::to_string(task) + (begun ? "\n" : ", not begun\n");
    }
    return text;
  }

 private:
  static unsigned take(std::span<const std::uint8_t>& bytes) {
    if (bytes.empty()) return 0;
    const unsigned first = bytes.front();
    bytes = bytes.subspan(1);
    return first;
  }
  static std::span<const std::uint8_t> take_span(std::span<const std::uint8_t>& bytes) {
    const std::size_t size = std::min<std::size_t>(take(bytes), bytes.size());
    const auto taken = bytes.first(size);
    bytes = bytes.subspan(size);
    return taken;
  }

 public:
  const std::size_t tasks;

 private:
  std::span<const std::uint8_t> choices_;
  driver::Script script_;
  // Begun, by task. Atomic, as last words may be said while other threads go on.
  std::array<std::atomic<std::size_t>, 4> steps_{};
  std::atomic<bool> has_deferred_{false};
  // Its address decides nothing: no larger alignment can ever be met in it.
  alignas(1024) std::array<std::byte, 1024> region_{};

 public:
  Heap heap;
};

}  // namespace mneme::fuzz
