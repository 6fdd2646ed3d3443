// purpose: deadlines for requests, counted in ticks that the program reports.
// layer: L2; includes L0, L1 and until.
// threads: any; advance() is for one at a time.
// invariants: an alarm is called once at most, and not after it was disarmed.
#pragma once

#include <cstdint>
#include <type_traits>
#include <utility>

#include "../lock.hpp"
#include "until.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// Deadlines counted by a tick counter, such as SysTick, which may wrap: a deadline is past if it
/// is up to half of the counter's range behind. They are kept in a list, earliest first, whose
/// nodes are parts of the requests. `Lock` protects the list: with interrupts, a critical section.
///
///     mneme::TickTimer timer;
///     auto packet = co_await heap.make<Packet>(7).until(timer.at(timer.now() + 20));
///     timer.advance(ticks);        // in the main loop, whenever ticks may have changed
///
/// advance() calls the wakers of the requests that it cancels. It is for an interrupt only if the
/// queue lock of the heaps masks interrupts. It outlives the requests that name it. If it is never
/// called, no deadline passes, and requests wait until they are granted.
template <QueueLock Lock = SpinLock>
class TickTimer {
 public:
  using Ticks = std::uint32_t;

  /// A deadline as the limit of a request.
  class Deadline {
   public:
    static constexpr AllocError error = AllocError::timed_out;

    Deadline(TickTimer& timer, Ticks when) noexcept : timer_(timer), when_(when) {}
    Deadline(Deadline&& other) noexcept : timer_(other.timer_), when_(other.when_) {}
    Deadline& operator=(Deadline&&) = delete;

    void arm(Fire fire) noexcept {
      fire_ = fire;
      timer_.insert(*this);
    }
    void disarm() noexcept { timer_.remove(*this); }

   private:
    friend class TickTimer;

    TickTimer& timer_;
    Ticks when_;
    Fire fire_{};
    Deadline* next_ = nullptr;
    bool is_linked_ = false;
  };

  TickTimer() noexcept = default;
  TickTimer(TickTimer&&) = delete;

  /// For `request.until(timer.at(deadline))`.
  [[nodiscard]] Deadline at(Ticks when) noexcept { return Deadline(*this, when); }

  /// The ticks of the last advance().
  [[nodiscard]] Ticks now() const noexcept {
    // (tick.now) relaxed: a number; publishes nothing.
    return now_.load(std::memory_order_relaxed);
  }

  /// Sets the time, and ends the waits whose deadlines are past, earliest first. O(ended waits).
  void advance(Ticks now) noexcept {
    // (tick.advance) relaxed: the lock orders it with the list; publishes nothing.
    now_.store(now, std::memory_order_relaxed);
    for (;;) {
      lock_.lock();
      Deadline* const due = first_ != nullptr && is_past(first_->when_) ? first_ : nullptr;
      if (due != nullptr) begin(*due);
      lock_.unlock();
      if (due == nullptr) return;
      run(due->fire_);
    }
  }

 private:
  [[nodiscard]] bool is_past(Ticks when) const noexcept { return is_before(when, now()); }

  /// Lock held. Unlinks the first deadline, which is about to fire.
  void begin(Deadline& due) noexcept {
    first_ = due.next_;
    due.is_linked_ = false;
    // (tick.begin) relaxed: the lock publishes it; publishes nothing by itself.
    firing_.store(&due, std::memory_order_relaxed);
  }
  void run(Fire fire) noexcept {
    fire();
    // (tick.done) release: pairs with acquire (tick.await); what it did to its request is done.
    firing_.store(nullptr, std::memory_order_release);
  }

  void insert(Deadline& deadline) noexcept {
    lock_.lock();
    const bool is_late = is_past(deadline.when_);
    if (!is_late) {
      Deadline** link = &first_;
      while (*link != nullptr && is_before((*link)->when_, deadline.when_)) link = &(*link)->next_;
      deadline.next_ = std::exchange(*link, &deadline);
      deadline.is_linked_ = true;
    }
    lock_.unlock();
    if (is_late) deadline.fire_();
  }
  /// Whether `a` is not after `b`.
  [[nodiscard]] static bool is_before(Ticks a, Ticks b) noexcept {
    return static_cast<std::make_signed_t<Ticks>>(b - a) >= 0;
  }

  void remove(Deadline& deadline) noexcept MNEME_BLOCKING {
    lock_.lock();
    if (std::exchange(deadline.is_linked_, false)) {
      Deadline** link = &first_;
      while (*link != &deadline) link = &(*link)->next_;
      *link = deadline.next_;
    }
    lock_.unlock();
    // (tick.await) acquire: pairs with release (tick.done); the request is not cancelled any more.
    while (firing_.load(std::memory_order_acquire) == &deadline) relax();
  }

  Lock lock_;
  Deadline* first_ = nullptr;
  Atomic<Ticks> now_{0};
  Atomic<Deadline*> firing_{nullptr};  // only compared, never followed
};

}  // namespace mneme::inline MNEME_SETTINGS
