// purpose: a thread that ends the waits of requests at their deadlines, by std::chrono.
// layer: adapters; includes L0–L3.
// threads: any; its own thread cancels the requests, and so calls the wakers of those behind them.
// invariants: those of WaitLimit. Its mutex is taken by tasks, never inside a free.
#pragma once

#include <chrono>
#include <mutex>
#include <semaphore>
#include <stop_token>
#include <thread>
#include <utility>

#include "../waiting/until.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// Deadlines on the steady clock. It outlives the requests that name it.
///
///     mneme::TimerThread timer;
///     auto packet = co_await heap.make<Packet>(7).until(timer.after(20ms));
class TimerThread {
 public:
  using Clock = std::chrono::steady_clock;

  /// A deadline as the limit of a request. They are kept in a list, earliest first.
  class Deadline {
   public:
    static constexpr AllocError error = AllocError::timed_out;

    Deadline(TimerThread& timer, Clock::time_point when) noexcept : timer_(timer), when_(when) {}
    Deadline(Deadline&& other) noexcept : timer_(other.timer_), when_(other.when_) {}
    Deadline& operator=(Deadline&&) = delete;
    ~Deadline() = default;

    void arm(Fire fire) {
      fire_ = fire;
      timer_.insert(*this);
    }
    void disarm() noexcept { timer_.remove(*this); }

   private:
    friend class TimerThread;

    TimerThread& timer_;
    Clock::time_point when_;
    Fire fire_{};
    Deadline* next_ = nullptr;
    bool is_linked_ = false;
  };

  TimerThread() : thread_([this](const std::stop_token& stop) { run(stop); }) {}
  TimerThread(TimerThread&&) = delete;
  ~TimerThread() {
    thread_.request_stop();
    changed_.release();
  }

  [[nodiscard]] Deadline at(Clock::time_point when) noexcept { return Deadline(*this, when); }
  template <class Rep, class Period>
  [[nodiscard]] Deadline after(std::chrono::duration<Rep, Period> time) noexcept {
    return at(Clock::now() + std::chrono::ceil<Clock::duration>(time));
  }

 private:
  void run(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (!stop.stop_requested()) {
      if (first_ == nullptr || Clock::now() < first_->when_) {
        const auto when = first_ != nullptr ? first_->when_ : Clock::time_point::max();
        lock.unlock();
        (void)changed_.try_acquire_until(when);
      } else {
        Deadline& due = *std::exchange(first_, first_->next_);
        due.is_linked_ = false;
        const std::lock_guard firing(firing_);
        lock.unlock();
        due.fire_();
      }
      lock.lock();
    }
  }

  void insert(Deadline& deadline) {
    if (Clock::now() >= deadline.when_) return deadline.fire_();
    const std::lock_guard lock(mutex_);
    Deadline** link = &first_;
    while (*link != nullptr && (*link)->when_ <= deadline.when_) link = &(*link)->next_;
    deadline.next_ = std::exchange(*link, &deadline);
    deadline.is_linked_ = true;
    if (first_ == &deadline) changed_.release();
  }

  void remove(Deadline& deadline) {
    {
      const std::lock_guard lock(mutex_);
      if (std::exchange(deadline.is_linked_, false)) {
        Deadline** link = &first_;
        while (*link != &deadline) link = &(*link)->next_;
        *link = deadline.next_;
        return;
      }
    }
    const std::lock_guard has_fired(firing_);  // it, or another one
  }

  std::mutex mutex_;
  std::mutex firing_;                     // held while a wait is ended
  std::counting_semaphore<> changed_{0};  // the first deadline, or that the thread has to end
  Deadline* first_ = nullptr;
  std::jthread thread_;  // last: it uses the rest
};

}  // namespace mneme::inline MNEME_SETTINGS
