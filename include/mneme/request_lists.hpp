// purpose: a heap's lists of requests, and the transitions of a request between them.
// layer: L1; includes L0, lock and wait_queue.
// threads: members that change the lists need the queue lock, which is also a member.
// invariants: a request is in the list that RequestState names for its state, or in none.
#pragma once

#include <coroutine>
#include <cstddef>
#include <utility>

#include "atomic.hpp"
#include "check.hpp"
#include "lock.hpp"
#include "wait_queue.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// The three lists of requests, and the queue lock that protects them. All O(1) but validate().
/// Members are called with the queue lock held, unless their comment says otherwise.
template <QueueLock Queue, QueuePolicy Policy = Fifo>
class RequestLists {
 public:
  /// These lock and unlock the queue lock itself.
  void lock_queue() noexcept MNEME_BLOCKING { queue_lock_.lock(); }
  [[nodiscard]] bool try_lock_queue() noexcept { return queue_lock_.try_lock(); }
  void unlock_queue() noexcept { queue_lock_.unlock(); }

  /// How many requests wait, and how many are ready. May be called without the queue lock.
  [[nodiscard]] std::size_t waiting() const noexcept { return waiting_.size(); }
  [[nodiscard]] std::size_t ready() const noexcept { return ready_.size(); }

  /// Closes the heap for all requests that come later. Called without the queue lock.
  void close(std::size_t reason) noexcept {
    fatal_unless(reason != 0, "close for the reason 0, which is that of an open heap");
    std::size_t open = 0;
    // (closed.set) relaxed: a request that races with it may be granted or closed; for those that
    // are queued later, the queue lock orders it, which close_all takes next. It publishes nothing.
    // (closed.again) relaxed: another close() was first, and its reason stays; publishes nothing.
    (void)closed_.compare_exchange_strong(open, reason, std::memory_order_relaxed,
                                          std::memory_order_relaxed);
  }
  /// The reason of the close(); 0 if there was none. May be called without the queue lock.
  [[nodiscard]] std::size_t closed() const noexcept {
    // (closed.get) relaxed: see (closed.set); publishes nothing.
    return closed_.load(std::memory_order_relaxed);
  }

  /// The first request in the queue, or nullptr.
  [[nodiscard]] Waiter* head() const noexcept { return waiting_.front(); }
  /// The queue itself.
  [[nodiscard]] Policy& queue() noexcept { return waiting_; }

  /// Queues a request and returns true; or, if the heap is closed, closes the request and returns
  /// false.
  [[nodiscard]] bool enqueue(Waiter& waiter) noexcept {
    const bool queued = !closed();
    // (request.queued) relaxed: the queue lock publishes it; publishes nothing by itself.
    waiter.state.store(queued ? RequestState::waiting : RequestState::closed,
                       std::memory_order_relaxed);
    if (queued) waiting_.push_back(waiter);
    return queued;
  }

  /// Completes a waiting request. Returns true if it is granted and has a waker: the caller must
  /// then unlock by unlock_then_wake(). After a close or a cancel its waker becomes due instead. A
  /// coroutine without a waker becomes ready, and the waker of set_on_ready() may have to be called
  /// in the same way.
  [[nodiscard]] bool complete(Waiter& waiter, RequestState state, void* payload) noexcept {
    waiting_.remove(waiter);
    waiter.payload = payload;
    Waiter* woken = waiter.waker ? &waiter : nullptr;
    if (!waiter.waker && waiter.continuation) woken = make_ready(waiter);
    const bool wakes = woken != nullptr && state == RequestState::granted;
    if (wakes) {
      grant_call_.begin(*woken);
    } else if (woken != nullptr) {
      make_due(*woken);
    }
    // (request.complete) release: pairs with acquire (request.repoll), (request.resume),
    // (request.reserved); publishes payload and block, and that the waker is being called.
    waiter.state.store(state, std::memory_order_release);
    return wakes;
  }

  /// Unlocks the queue lock and calls the waker of the granted request. With a reentrant lock the
  /// waker is called before unlocking, so that on a single core no task can preempt the waker and
  /// then wait for it.
  void unlock_then_wake() noexcept {
    if (is_reentrant<Queue>) grant_call_.run();
    unlock_queue();
    if (!is_reentrant<Queue>) grant_call_.run();
  }

  /// Begins the call of the waker that has been due the longest; the caller must then call
  /// run_due(). False if none is due, or if one is running: the thread that runs it will begin the
  /// next.
  [[nodiscard]] bool begin_due() noexcept {
    Waiter* const waiter = due_.front();
    if (waiter == nullptr || due_call_.is_running()) return false;
    due_call_.begin(*waiter);
    due_.remove(*waiter);
    return true;
  }

  /// Calls that waker. Called without the queue lock, unless that is reentrant.
  void run_due() noexcept { due_call_.run(); }

  /// Whether a waker is running. Called without the queue lock.
  [[nodiscard]] bool is_waking() const noexcept {
    return grant_call_.is_running() || due_call_.is_running();
  }

  /// Waits until the waker of `waiter` is not running; see WakerCall. Called without the queue
  /// lock.
  void await_waker(const Waiter& waiter) const noexcept MNEME_BLOCKING {
    grant_call_.await(waiter);
    due_call_.await(waiter);
  }

  /// Cancels a request, and returns its state before. A coroutine that awaits it will be resumed,
  /// unless the request is being destroyed.
  [[nodiscard]] RequestState cancel(Waiter& waiter, bool is_destroyed) noexcept {
    const bool is_awaited = waiter.continuation && !is_destroyed;
    // (request.cancel) relaxed: `waiting` changes under the queue lock only; otherwise it is a hint
    // what to try. It publishes nothing.
    RequestState state = waiter.state.load(std::memory_order_relaxed);
    if (is_awaited && state == RequestState::waiting) {
      (void)complete(waiter, RequestState::cancelled, nullptr);
      return state;
    }
    if (!is_awaited) unlink(waiter);
    // (request.cancelled) relaxed: this or (request.claimed) gets the memory, which is seen under
    // the queue lock; publishes nothing. (request.cancel_failed) relaxed: it was taken; publishes
    // nothing.
    while (state != RequestState::taken && state != RequestState::cancelled &&
           !waiter.state.compare_exchange_strong(state, RequestState::cancelled,
                                                 std::memory_order_relaxed,
                                                 std::memory_order_relaxed)) {
    }
    return state;
  }

  /// Removes a request from its list, if it is in one.
  void unlink(Waiter& waiter) noexcept {
    // (waits.leave) relaxed: changes under the queue lock only; publishes nothing.
    WaitList* const list = waiter.list.load(std::memory_order_relaxed);
    // (waits.waiting) relaxed: `waiting` changes under the queue lock only; publishes nothing.
    if (!waiting_.is_fifo() &&
        waiter.state.load(std::memory_order_relaxed) == RequestState::waiting) {
      waiting_.remove(waiter);
    } else if (list != nullptr) {
      list->remove(waiter);
    }
  }

  /// Replaces the waker or the coroutine of a waiting request. False if it is not waiting any more.
  [[nodiscard]] bool rearm(Waiter& waiter, Waker waker,
                           std::coroutine_handle<> continuation) noexcept {
    // (request.rearm) relaxed: changes under the queue lock only; publishes nothing.
    if (waiter.state.load(std::memory_order_relaxed) != RequestState::waiting) return false;
    fatal_unless(!waiter.continuation, "two coroutines await one request");
    waiter.waker = waker;
    waiter.continuation = continuation;
    return true;
  }

  /// Whose waker is called when a coroutine becomes ready that no poll has to resume yet; nullptr:
  /// nobody's. If there are some now, it is due.
  void set_on_ready(Waiter* hook) noexcept {
    fatal_unless(hook == nullptr || on_ready_ == nullptr, "on_ready of a heap that has a waker");
    if (hook == nullptr) unlink(*on_ready_);
    on_ready_ = hook;
    if (hook != nullptr && ready_.front() != nullptr) make_due(*hook);
  }
  [[nodiscard]] bool has_on_ready() const noexcept { return on_ready_ != nullptr; }

  /// Begins a poll(), and returns its epoch. Coroutines that become ready from now on belong to the
  /// next epoch.
  [[nodiscard]] std::size_t next_epoch() noexcept { return epoch_++; }

  /// Unlinks and returns the oldest coroutine that became ready in `epoch` or before, if any; the
  /// caller resumes it.
  [[nodiscard]] std::coroutine_handle<> next_ready(std::size_t epoch) noexcept {
    Waiter* const waiter = ready_.front();
    if (waiter == nullptr || static_cast<std::ptrdiff_t>(epoch - waiter->epoch_or_error) < 0)
      return {};
    ready_.remove(*waiter);
    return waiter->continuation;
  }

  /// Describes what is wrong with the lists, or returns nullptr. O(requests).
  [[nodiscard]] const char* validate() const noexcept {
    if (!waiting_.valid()) return "the wait queue's links are broken";
    if (!due_.valid()) return "the links of the wakers that are due are broken";
    return ready_.valid() ? nullptr : "the ready list's links are broken";
  }

 private:
  /// Returns the hook if its waker has to be called. Each poll() resumes all coroutines that were
  /// ready when it began: so that is for the first one since then, even if the list is not empty.
  [[nodiscard]] Waiter* make_ready(Waiter& waiter) noexcept {
    const Waiter* const last = ready_.back();
    waiter.epoch_or_error = epoch_;
    ready_.push_back(waiter);
    if (on_ready_ == nullptr) return nullptr;
    return last == nullptr || last->epoch_or_error != epoch_ ? on_ready_ : nullptr;
  }

  /// Lets the waker of `waiter` be called by call_due_wakers(); once, if it is due already.
  void make_due(Waiter& waiter) noexcept {
    // (waits.due) relaxed: changes under the queue lock only; publishes nothing.
    if (waiter.list.load(std::memory_order_relaxed) == nullptr) due_.push_back(waiter);
  }

  Queue queue_lock_;
  Policy waiting_;         // requests without memory
  WaitList ready_;         // complete, with a coroutine to be resumed by poll()
  WaitList due_;           // closed or cancelled, with a waker that is still to be called
  std::size_t epoch_ = 0;  // of poll()
  Waiter* on_ready_ = nullptr;
  WakerCall grant_call_;  // of a granted request; one at a time, by the owner of the heap lock
  WakerCall due_call_;    // of a closed or cancelled request; one at a time
  Atomic<std::size_t> closed_{0};  // the reason
};

}  // namespace mneme::inline MNEME_SETTINGS
