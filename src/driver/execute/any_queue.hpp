// purpose: the policy of the queue that the `heap` line of a script names.
// layer: execute; includes mneme and oracle.
// threads: as the policies inside.
// invariants: the policy is chosen before the heap is made, and never changes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mneme/waiting/holders_first.hpp>
#include <mneme/waiting/overtaking.hpp>
#include <mneme/waiting/priorities.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "driver/language/op.hpp"
#include "driver/model/oracle.hpp"

namespace mneme::driver {

/// A row of the table of policies; its number is the place of its OracleQueue::Kind.
struct QueueRow {
  std::string_view name;
  std::string_view number_meaning;  // of the number after the name; empty: it takes none
  std::uint64_t number_min = 0;
  std::uint64_t number_max = 0;
};

inline constexpr std::array<QueueRow, 4> queue_rows{
    {{default_queue, ""},
     {"overtaking", "how often a waiter may be passed", 0, UINT16_MAX},
     {priority_queue, "the number of levels", 1, priority_max + 1},
     {"holders-first", ""}}};

/// The error for a policy that does not exist, or has a wrong number.
struct QueueError {
  std::string message;
};
/// The policy of a name and a number, or that error.
[[nodiscard]] std::variant<OracleQueue, QueueError> find_queue(std::string_view name,
                                                               std::optional<std::uint64_t> number);
/// As it is written after `queue=`.
[[nodiscard]] std::string queue_text(OracleQueue queue);

/// One of the table's policies. A heap constructs its policy without arguments, so it is selected.
class AnyQueue {
  /// Calls f(queue). Most heaps have the first row, whose code is inlined here.
  template <class F>
  decltype(auto) on_queue(F f) {
    if (auto* const fifo = std::get_if<0>(&queue_)) [[likely]]
      return f(*fifo);
    return std::visit(f, queue_);
  }
  template <class F>
  decltype(auto) on_queue(F f) const {
    if (const auto* const fifo = std::get_if<0>(&queue_)) [[likely]]
      return f(*fifo);
    return std::visit(f, queue_);
  }

  using Levels = LevelQueue<priority_max + 1>;

 public:
  static constexpr std::size_t levels = priority_max + 1;
  static constexpr bool holders_first = true;

  /// Selects the policy for heaps constructed on this thread from now on.
  static void select(OracleQueue queue) noexcept { selected = queue; }

  // The variant is never valueless, so nothing throws.
  // NOLINTBEGIN(bugprone-exception-escape)
  AnyQueue() noexcept {
    switch (selected.kind) {
      case OracleQueue::Kind::fifo: break;
      case OracleQueue::Kind::overtaking:
        queue_.emplace<OvertakingQueue>(static_cast<std::uint16_t>(selected.number));
        break;
      default: queue_.emplace<Levels>(); break;
    }
  }

  [[nodiscard]] bool is_fifo() const noexcept { return queue_.index() == 0; }
  [[nodiscard]] Waiter* front() const noexcept {
    return on_queue([](const auto& queue) { return queue.front(); });
  }
  [[nodiscard]] std::size_t size() const noexcept {
    return on_queue([](const auto& queue) { return queue.size(); });
  }
  [[nodiscard]] bool valid() const noexcept {
    return on_queue([](const auto& queue) { return queue.valid(); });
  }
  void push_back(Waiter& waiter) noexcept {
    on_queue([&](auto& queue) { queue.push_back(waiter); });
  }
  void remove(Waiter& waiter) noexcept {
    on_queue([&](auto& queue) { queue.remove(waiter); });
  }
  template <class Take>
  [[nodiscard]] Waiter* choose(Take take) noexcept {
    return on_queue([&](auto& queue) { return queue.choose(take); });
  }
  // NOLINTEND(bugprone-exception-escape)

 private:
  static inline thread_local OracleQueue selected{};

  std::variant<Fifo, OvertakingQueue, Levels> queue_;
};

static_assert(QueuePolicy<AnyQueue>);

}  // namespace mneme::driver
