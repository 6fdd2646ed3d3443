// purpose: the waiting requests: an intrusive list whose nodes live in the requests themselves.
// layer: L1; includes L0.
// threads: WaitList, and each field of Waiter that is not atomic, is used under the queue lock.
// invariants: P2 (first in, first out), P5 (a node leaves in O(1)), P10 (waiting is free).
#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "atomic.hpp"
#include "check.hpp"
#include "error.hpp"
#include "layout.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// How a waiting task learns that its request is complete: a function and its argument. It is
/// called at most once: with the heap lock held, by the thread or interrupt that made the room; or
/// by close() or cancel(). It must be short and interrupt-safe. It may call back, also for its own
/// request, and destroy that: README.md, "Wakers that call back".
struct Waker {
  void (*wake)(void* context) noexcept MNEME_NONBLOCKING = nullptr;
  void* context = nullptr;

  [[nodiscard]] explicit operator bool() const noexcept { return wake != nullptr; }
  friend bool operator==(Waker, Waker) noexcept = default;
};

/// The state of a request.
enum class RequestState : std::uint8_t {
  idle,     ///< never polled. Not linked; its owner only. Next: waiting, granted, refused, closed
  waiting,  ///< linked in the wait list; the queue lock. Next: granted, closed, cancelled
  granted,  ///< its memory is reserved. Linked in the ready list if a coroutine awaits it that has
            ///< no waker. Next: taken, cancelled
  taken,    ///< its owner has the memory, or the error. Not linked. Final
  cancelled,  ///< cancelled. Not linked, and final; unless a coroutine awaits it: as closed
  refused,    ///< can never be met. Not linked. Next: taken
  closed,     ///< the heap was closed. Linked in the ready list, or in the due list until its waker
              ///< is called. Next: taken, cancelled
};

class WaitList;

/// A request as the queues see it. Lives in the request; never moves.
struct Waiter {
  explicit Waiter(Layout wanted = {}) noexcept : layout(wanted) {}
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  // Without an initializer: written before they are first read, as most requests never wait.
  Waiter* previous;
  Waiter* next;
  void* payload;            // the memory of a granted request
  std::size_t ready_epoch;  // ready since the time of this poll()
  AllocError error;         // the reason if refused

  Layout layout;
  Waker waker{};                           // called at the grant, or
  std::coroutine_handle<> continuation{};  // resumed by the next poll()
  Atomic<RequestState> state{RequestState::idle};
  Atomic<WaitList*> list{nullptr};  // the one that it is linked in
};

/// A doubly linked list of waiters, oldest first. Owns nothing. All O(1).
class WaitList {
 public:
  [[nodiscard]] Waiter* front() const noexcept { return first_; }
  /// May be read without the queue lock.
  [[nodiscard]] std::size_t size() const noexcept {
    // (waits.size) relaxed: publishes nothing. A thread that must not miss a waiter learned of it
    // through the heap lock.
    return size_.load(std::memory_order_relaxed);
  }

  void push_back(Waiter& waiter) noexcept {
    waiter.previous = last_;
    waiter.next = nullptr;
    (last_ == nullptr ? first_ : last_->next) = &waiter;
    last_ = &waiter;
    // (waits.link) relaxed: the queue lock publishes it, or (request.complete); publishes nothing
    // by itself.
    waiter.list.store(this, std::memory_order_relaxed);
    resize(size() + 1);
  }

  void remove(Waiter& waiter) noexcept {
    (waiter.previous == nullptr ? first_ : waiter.previous->next) = waiter.next;
    (waiter.next == nullptr ? last_ : waiter.next->previous) = waiter.previous;
    // (waits.unlink) relaxed: see (waits.link); publishes nothing.
    waiter.list.store(nullptr, std::memory_order_relaxed);
    resize(size() - 1);
  }

  /// Whether links, ends and count agree. O(n).
  [[nodiscard]] bool valid() const noexcept {
    std::size_t count = 0;
    const Waiter* before = nullptr;
    for (const Waiter* at = first_; at != nullptr; at = at->next) {
      if (at->previous != before || ++count > size()) return false;
      before = at;
    }
    return before == last_ && count == size();
  }

 private:
  void resize(std::size_t size) noexcept {
    // (waits.resize) relaxed: written under the queue lock only, which publishes the list; this
    // publishes nothing.
    size_.store(size, std::memory_order_relaxed);
  }

  Waiter* first_ = nullptr;
  Waiter* last_ = nullptr;
  Atomic<std::size_t> size_{0};
};

/// A waker while it runs. It outlives the waker's request, which may be destroyed meanwhile.
class WakerCall {
 public:
  /// Queue lock held, before the result of `waiter` is published. run() must follow.
  void begin(Waiter& waiter) noexcept {
    waker_ = waiter.waker;
    // (waker.begin) release: pairs with acquire (waker.await); the waker before it has returned.
    waiter_.store(&waiter, std::memory_order_release);
  }

  void run() noexcept {
    const bool was_inside = std::exchange(inside_waker(), true);
    waker_.wake(waker_.context);
    inside_waker() = was_inside;
    // (waker.done) release: pairs with acquire (waker.await), with acquire (waker.is_running); the
    // waker has returned.
    waiter_.store(nullptr, std::memory_order_release);
  }

  [[nodiscard]] bool is_running() const noexcept {
    // (waker.is_running) acquire: pairs with release (waker.done); who begins the next call passes
    // on by (waker.begin) that the waker before it, maybe another thread's, has returned.
    return waiter_.load(std::memory_order_acquire) != nullptr;
  }

  /// Returns when the waker of `waiter`, which may be destroyed by now, is not running. Inside a
  /// waker at once: it may be the same, or one that waits for this thread's.
  void await(const Waiter& waiter) const noexcept MNEME_BLOCKING {
    // (waker.await) acquire: pairs with release (waker.done), with release (waker.begin); what the
    // waker did with its context is done.
    while (waiter_.load(std::memory_order_acquire) == &waiter && !inside_waker()) relax();
  }

 private:
  Waker waker_{};
  Atomic<Waiter*> waiter_{nullptr};  // only compared
};

}  // namespace mneme::inline MNEME_SETTINGS
