// purpose: a heap's waiting and ready requests, and their transitions from state to state.
// layer: L1; includes L0, lock and wait_queue.
// threads: members that change the lists need the queue lock, which is a member as well.
// invariants: a request is in one list or in none, according to its state (RequestState).
#pragma once

#include <coroutine>
#include <cstddef>
#include <utility>

#include "atomic.hpp"
#include "check.hpp"
#include "lock.hpp"
#include "wait_queue.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// The two lists of requests and the queue lock over them. All O(1). Unless it says otherwise, a
/// member is called with the queue lock held.
template <QueueLock Queue>
class RequestLists {
 public:
  /// Lock and unlock the queue lock itself.
  void lock_queue() noexcept MNEME_BLOCKING { queue_lock_.lock(); }
  [[nodiscard]] bool try_lock_queue() noexcept { return queue_lock_.try_lock(); }
  void unlock_queue() noexcept { queue_lock_.unlock(); }

  /// How many requests wait, and how many are ready. May be called without the queue lock.
  [[nodiscard]] std::size_t waiting() const noexcept { return waiting_.size(); }
  [[nodiscard]] std::size_t ready() const noexcept { return ready_.size(); }

  /// Closes the heap for all requests that are queued from now on. Without the queue lock.
  void close() noexcept {
    // (closed.set) relaxed: a request that races with it may be granted or closed; the queue lock,
    // which close_all takes next, orders it for all that are queued later. It publishes nothing.
    closed_.store(true, std::memory_order_relaxed);
  }
  [[nodiscard]] bool closed() const noexcept {
    // (closed.get) relaxed: see (closed.set); publishes nothing.
    return closed_.load(std::memory_order_relaxed);
  }

  /// The request that waits the longest, or nullptr.
  [[nodiscard]] Waiter* head() const noexcept { return waiting_.front(); }

  /// False if the heap is closed, and the request with it.
  [[nodiscard]] bool enqueue(Waiter& waiter) noexcept {
    const bool queued = !closed();
    // (request.queued) relaxed: the queue lock publishes it; publishes nothing by itself.
    waiter.state.store(queued ? RequestState::waiting : RequestState::closed,
                       std::memory_order_relaxed);
    if (queued) waiting_.push_back(waiter);
    return queued;
  }

  /// Completes a queued request. Returns true if the caller must call wake() after unlocking; if
  /// false, the request may already be destroyed: do not touch it. With a reentrant queue lock the
  /// waker is called here, so that on a single core no task can spin for a waker that it preempted.
  [[nodiscard]] bool complete(Waiter& waiter, RequestState state, void* payload) noexcept {
    waiting_.remove(waiter);
    waiter.payload = payload;
    const Waker waker = waiter.waker;
    if (!waker && waiter.continuation) {
      ready_.push_back(waiter);
      waiter.in_ready_list = true;
      waiter.ready_epoch = epoch_;
    }
    const bool needs_wake = waker && !is_reentrant<Queue>;
    // (waker.begin) relaxed: (request.complete) publishes it; publishes nothing by itself.
    waiter.waker_running.store(needs_wake, std::memory_order_relaxed);
    // (request.complete) release: pairs with acquire (request.repoll), (request.resume),
    // (request.reserved); publishes payload and block.
    waiter.state.store(state, std::memory_order_release);
    if (waker && is_reentrant<Queue>) waker.wake(waker.context);
    return needs_wake;
  }

  /// Calls the waker of a completed request. Without the queue lock.
  static void wake(Waiter& waiter) noexcept {
    const Waker waker = waiter.waker;
    waker.wake(waker.context);
    // (waker.done) release: pairs with acquire (waker.await); the last access to the request.
    waiter.waker_running.store(false, std::memory_order_release);
  }

  /// Waits until the waker of `waiter` has returned; it may be destroyed then. Without the queue
  /// lock.
  static void await_waker(const Waiter& waiter) noexcept MNEME_BLOCKING {
    // (waker.await) acquire: pairs with release (waker.done); the granter's last access is over.
    while (waiter.waker_running.load(std::memory_order_acquire)) relax();
  }

  /// Unlinks a request that is cancelled, and returns the state that it was in.
  [[nodiscard]] RequestState cancel(Waiter& waiter) noexcept {
    // (request.cancel) relaxed: changes under the queue lock only; publishes nothing.
    const RequestState state = waiter.state.load(std::memory_order_relaxed);
    if (state == RequestState::waiting) waiting_.remove(waiter);
    if (std::exchange(waiter.in_ready_list, false)) ready_.remove(waiter);
    // (request.cancelled) relaxed: read only by its owner from now on; publishes nothing.
    waiter.state.store(RequestState::cancelled, std::memory_order_relaxed);
    return state;
  }

  /// Replaces the waker or the coroutine that the grant resumes. False if the request does not wait
  /// any more.
  [[nodiscard]] bool rearm(Waiter& waiter, Waker waker,
                           std::coroutine_handle<> continuation) noexcept {
    // (request.rearm) relaxed: changes under the queue lock only; publishes nothing.
    if (waiter.state.load(std::memory_order_relaxed) != RequestState::waiting) return false;
    waiter.waker = waker;
    waiter.continuation = continuation;
    return true;
  }

  /// Begins an epoch of poll(): what becomes ready from now on belongs to the next one.
  [[nodiscard]] std::size_t next_epoch() noexcept { return epoch_++; }

  /// Unlinks the oldest coroutine that became ready in `epoch` or before, for the caller to resume.
  [[nodiscard]] std::coroutine_handle<> next_ready(std::size_t epoch) noexcept {
    Waiter* const waiter = ready_.front();
    if (waiter == nullptr || static_cast<std::ptrdiff_t>(epoch - waiter->ready_epoch) < 0)
      return {};
    ready_.remove(*waiter);
    waiter->in_ready_list = false;
    return waiter->continuation;
  }

  /// What is wrong in a few words, or nullptr. O(requests).
  [[nodiscard]] const char* validate() const noexcept {
    if (!waiting_.valid()) return "the wait queue's links are broken";
    return ready_.valid() ? nullptr : "the ready list's links are broken";
  }

 private:
  Queue queue_lock_;
  WaitList waiting_;       // requests without memory, in order of arrival
  WaitList ready_;         // coroutines with an answer, to be resumed by poll()
  std::size_t epoch_ = 0;  // of poll()
  Atomic<bool> closed_{false};
};

}  // namespace mneme::inline MNEME_SETTINGS
