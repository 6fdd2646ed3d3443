// purpose: tasks that take memory while an interrupt frees it at whatever instruction it comes.
// layer: firmware; includes board, port and task.
// threads: tasks in main; on_tick() in the interrupt.
// invariants: a block's bytes are its own until it is freed.
#pragma once

#include <atomic>
#include <optional>
#include <utility>

#include "board.hpp"
#include "port.hpp"
#include "task.hpp"

namespace stress {

/// Whether the atomic operations that mneme uses are atomic, and the critical section is one: main
/// and the interrupt change the same words, and each finds its own part of them as it left it.
class Atomics {
 public:
  const char* run() noexcept {
    for (std::uint32_t turn = 0; turn < turns; ++turn) {
      added_.fetch_add(1);
      taken_.fetch_sub(1);
      std::uint32_t seen = compared_.load();
      while (!compared_.compare_exchange_strong(seen, seen + 1)) {
      }
      if ((bits_.fetch_or(1) & 1) != 0 || (bits_.fetch_and(~1U) & 1) == 0) return "a bit was lost";
      count_guarded();
      if (is_wrong_) return "a bit of the interrupt was lost";
    }
    const port::Masked masked;
    const std::uint32_t ticks = ticks_;
    const bool good =
        added_ == turns + ticks && taken_ == 0 - turns - ticks && compared_ == turns + ticks;
    if (guarded_ != turns + ticks) return "the critical section was interrupted";
    return ticks == 0 ? "no interrupt came" : good ? nullptr : "an addition was lost";
  }
  void on_tick() noexcept {
    ++ticks_;
    added_.fetch_add(1);
    taken_.fetch_sub(1);
    compared_.fetch_add(1);
    count_guarded();
    const bool sets = ticks_ % 2 != 0;
    const std::uint32_t before = sets ? bits_.fetch_or(2) : bits_.fetch_and(~2U);
    if (((before & 2) != 0) == sets) is_wrong_ = true;
  }

 private:
  // Nested, as a waker that asks the heap again does.
  void count_guarded() noexcept {
    section_.lock();
    section_.lock();
    const std::uint32_t before = guarded_;
    section_.unlock();
    // Time for an interrupt; not always the same, or some places would never be interrupted.
    for (std::uint32_t n = before % 8; n < 15; ++n) (void)ticks_.load();
    guarded_ = before + 1;
    section_.unlock();
  }

  static constexpr std::uint32_t turns = 20'000;
  std::atomic<std::uint32_t> added_{0}, taken_{0}, compared_{0}, bits_{0};
  std::atomic<std::uint32_t> ticks_{0};  // written by the interrupt
  std::atomic<bool> is_wrong_{false};
  port::CriticalSection section_{};
  volatile std::uint32_t guarded_ = 0;
};

class Stress {
 public:
  static constexpr std::size_t tasks = 3;
  static constexpr std::size_t rounds = 1000;

  explicit Stress(port::Heap& heap) noexcept : heap_(heap) {}

  /// A task that makes blocks and leaves them to the interrupt.
  tasks::Task churn(std::size_t id) {
    std::size_t size = 211 * id;
    for (std::size_t round = 0; round < rounds; ++round) {
      size = (size * 13 + 711) % 3000 + 4;
      const mneme::Layout layout{.size = size, .align = std::size_t{4} << round % 4};
      auto request = heap_.allocate(layout);
      // With a waker every other time; else poll() resumes this task.
      auto result = co_await Wait{*this, request, round % 2 == 0};
      if (!result) {
        wrong_ = "a request failed";
        break;
      }
      mark(result->data(), size);
      while (end_ - begin_ == capacity) co_await Turn{*this};
      outbox_[end_ % capacity] = {.data = result->leak(), .layout = layout};
      ++end_;
    }
    ++done_;
  }

  /// Runs the tasks until they are done. Returns what is wrong, or nullptr. It never sleeps, so
  /// that interrupts come at any instruction of the heap's.
  const char* run() {
    for (std::size_t turn = 0; (done_ < tasks || begin_ != end_) && wrong_ == nullptr; ++turn) {
      heap_.poll();
      if (const auto task = ready_.pop()) task.resume();
      try_one(turn);
      if (turn % 8 == 0) hold();
      if (turn == turns_max) return "the tasks are stuck";
    }
    heap_.poll();
    if (wrong_ != nullptr) return wrong_;
    if (heap_.raw().largest_hole_bytes() != heap_.capacity_bytes()) return "memory was lost";
    if (heap_.counters().live != 0) return "a count was lost";
    if (frees_while_held_ == 0) return "no free met a held heap";
    if (wakers_ == 0) return "no waker ran in the interrupt";
    if (taken_in_interrupt_ == 0) return "the interrupt got no memory";
    if (defers_ == 0) return "no free was deferred";
    return heap_.validate();
  }

  /// Takes a block for a moment, if it can be had at once; and frees the oldest, one way or
  /// another.
  void on_tick() noexcept {
    constexpr mneme::Layout layout{.size = 24, .align = 8};
    if (void* const block = heap_.try_allocate(layout); block != nullptr) {
      ++taken_in_interrupt_;
      heap_.free(block, layout);
    }
    if (begin_ == end_) return;
    const Freed freed = outbox_[begin_ % capacity];
    ++begin_;
    if (!is_marked(freed.data, freed.layout.size)) wrong_ = "a block's bytes changed";
    if (heap_.is_locked()) ++frees_while_held_;
    if (begin_ % 3 == 0) {
      ++defers_;
      heap_.defer_free(freed.data, freed.layout);
    } else {
      heap_.free(freed.data, freed.layout);
    }
  }

 private:
  static constexpr std::size_t capacity = 3;
  static constexpr std::size_t turns_max = 100'000;

  struct Freed {
    void* data;
    mneme::Layout layout;
  };
  using Request = mneme::Request<port::Heap>;

  struct Waiting {
    Stress& stress;
    std::coroutine_handle<> task;
  };
  struct Wait {
    Stress& stress;
    Request& request;
    bool by_waker;
    std::coroutine_handle<> task{};

    [[nodiscard]] bool await_ready() const noexcept { return request.await_ready(); }
    [[nodiscard]] bool await_suspend(std::coroutine_handle<> its) noexcept {
      task = its;
      if (!by_waker) return request.await_suspend(its);
      // Polled by hand: nobody but the waker resumes it.
      answer = request.poll({&on_grant, this});
      return !answer;
    }
    [[nodiscard]] Request::Result await_resume() noexcept {
      return answer ? *std::move(answer) : by_waker ? *request.poll() : request.await_resume();
    }
    static void on_grant(void* wait) noexcept {
      auto& its = *static_cast<Wait*>(wait);
      if (board::in_interrupt()) ++its.stress.wakers_;
      its.stress.ready_.push(its.task);
    }
    std::optional<Request::Result> answer{};
  };
  struct Turn {
    Stress& stress;
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> task) const noexcept { stress.ready_.push(task); }
    void await_resume() const noexcept {}
  };

  // A block that nobody waits for, a request that is cancelled wherever it is.
  void try_one(std::size_t turn) {
    const mneme::Layout layout{.size = turn % 300, .align = 8};
    void* const block = heap_.try_allocate(layout);
    if (block != nullptr)
      turn % 2 == 0 ? heap_.defer_free(block, layout) : heap_.free(block, layout);
    auto request = heap_.allocate({.size = 4000, .align = 8});
    (void)request.poll();
  }
  // Holds the heap until an interrupt came.
  void hold() noexcept {
    const auto guard = heap_.try_lock();
    const std::size_t before = begin_;
    if (guard && before != end_) {
      while (begin_ == before) board::wait_for_interrupt();
    }
  }
  // Its size, in its first and its last bytes.
  static void mark(void* data, std::size_t size) noexcept {
    auto* const bytes = static_cast<std::uint8_t*>(data);
    bytes[0] = bytes[size - 1] = static_cast<std::uint8_t>(size);
    bytes[1] = bytes[size - 2] = static_cast<std::uint8_t>(size >> 8);
  }
  static bool is_marked(const void* data, std::size_t size) noexcept {
    const auto* const bytes = static_cast<const std::uint8_t*>(data);
    const std::size_t low = size & 0xff;
    const std::size_t high = size >> 8;
    return bytes[0] == low && bytes[size - 1] == low && bytes[1] == high && bytes[size - 2] == high;
  }

  port::Heap& heap_;
  tasks::ReadyList ready_{};
  Freed outbox_[capacity]{};
  std::atomic<std::size_t> begin_{0};  // written by the interrupt
  std::atomic<std::size_t> end_{0};    // written by main
  std::size_t done_ = 0;
  std::size_t frees_while_held_ = 0;
  std::size_t wakers_ = 0;
  std::size_t defers_ = 0;
  std::size_t taken_in_interrupt_ = 0;
  std::atomic<const char*> wrong_{nullptr};
};

}  // namespace stress
