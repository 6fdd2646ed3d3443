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

/// The three lists of requests and the queue lock over them. All O(1). Unless it says otherwise, a
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

  /// Completes a queued request: its waker, or else its coroutine, is to be called. Returns true if
  /// that is the waker of a grant, and the caller must unlock by unlock_then_wake(). Other wakers
  /// become due; a coroutine without a waker becomes ready.
  [[nodiscard]] bool complete(Waiter& waiter, RequestState state, void* payload) noexcept {
    waiting_.remove(waiter);
    waiter.payload = payload;
    const bool wakes = waiter.waker && state == RequestState::granted;
    if (wakes) {
      grant_call_.begin(waiter);
    } else if (waiter.waker) {
      due_.push_back(waiter);
    } else if (waiter.continuation) {
      waiter.ready_epoch = epoch_;
      ready_.push_back(waiter);
    }
    // (request.complete) release: pairs with acquire (request.repoll), (request.resume),
    // (request.reserved); publishes payload and block, and that the waker is being called.
    waiter.state.store(state, std::memory_order_release);
    return wakes;
  }

  /// Unlocks the queue lock and calls the waker of the request that was granted; with a reentrant
  /// lock before, so that on a single core no task can wait for a waker that it preempted.
  void unlock_then_wake() noexcept {
    if (is_reentrant<Queue>) grant_call_.run();
    unlock_queue();
    if (!is_reentrant<Queue>) grant_call_.run();
  }

  /// Begins the call of the waker that has been due the longest; run_due() must follow. False if
  /// none is due, or if one is running: whoever runs it begins the next.
  [[nodiscard]] bool begin_due() noexcept {
    Waiter* const waiter = due_.front();
    if (waiter == nullptr || due_call_.is_running()) return false;
    due_call_.begin(*waiter);
    due_.remove(*waiter);
    return true;
  }

  /// Without the queue lock, unless that is reentrant.
  void run_due() noexcept { due_call_.run(); }

  /// Whether a waker is running. Without the queue lock.
  [[nodiscard]] bool is_waking() const noexcept {
    return grant_call_.is_running() || due_call_.is_running();
  }

  /// Returns when the waker of `waiter` is not running; see WakerCall. Without the queue lock.
  void await_waker(const Waiter& waiter) const noexcept MNEME_BLOCKING {
    grant_call_.await(waiter);
    due_call_.await(waiter);
  }

  /// Cancels a request, and returns the state that it was in. A coroutine that awaits it is
  /// resumed, unless the request is being destroyed.
  [[nodiscard]] RequestState cancel(Waiter& waiter, bool is_destroyed) noexcept {
    const bool is_awaited = waiter.continuation && !is_destroyed;
    // (waits.linked) relaxed: changes under the queue lock only; publishes nothing.
    if (is_awaited && waiter.list.load(std::memory_order_relaxed) == &waiting_) {
      (void)complete(waiter, RequestState::cancelled, nullptr);
      return RequestState::waiting;
    }
    if (!is_awaited) unlink(waiter);
    // (request.cancel) relaxed: a hint what to try; publishes nothing.
    RequestState state = waiter.state.load(std::memory_order_relaxed);
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

  /// Takes a request out of the list that it is in, if any.
  static void unlink(Waiter& waiter) noexcept {
    // (waits.leave) relaxed: changes under the queue lock only; publishes nothing.
    WaitList* const list = waiter.list.load(std::memory_order_relaxed);
    if (list != nullptr) list->remove(waiter);
  }

  /// Replaces the waker or the coroutine that the grant resumes. False if the request does not wait
  /// any more.
  [[nodiscard]] bool rearm(Waiter& waiter, Waker waker,
                           std::coroutine_handle<> continuation) noexcept {
    // (request.rearm) relaxed: changes under the queue lock only; publishes nothing.
    if (waiter.state.load(std::memory_order_relaxed) != RequestState::waiting) return false;
    fatal_unless(!waiter.continuation, "two coroutines await one request");
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
    return waiter->continuation;
  }

  /// What is wrong in a few words, or nullptr. O(requests).
  [[nodiscard]] const char* validate() const noexcept {
    if (!waiting_.valid()) return "the wait queue's links are broken";
    if (!due_.valid()) return "the links of the wakers that are due are broken";
    return ready_.valid() ? nullptr : "the ready list's links are broken";
  }

 private:
  Queue queue_lock_;
  WaitList waiting_;       // requests without memory, in order of arrival
  WaitList ready_;         // complete, with a coroutine to be resumed by poll()
  WaitList due_;           // closed or cancelled, with a waker that is not called yet
  std::size_t epoch_ = 0;  // of poll()
  WakerCall grant_call_;   // the waker of a grant; one at a time, by the owner of the heap lock
  WakerCall due_call_;     // the waker of a close or a cancel; one at a time
  Atomic<bool> closed_{false};
};

}  // namespace mneme::inline MNEME_SETTINGS
