// purpose: the waiting requests: an intrusive list whose nodes live in the requests themselves.
// layer: L1; includes L0.
// threads: WaitList, and each field of Waiter that is not atomic, is used under the queue lock.
// invariants: P2 (first in, first out), P5 (a node leaves in O(1)), P10 (waiting is free).
#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>

#include "atomic.hpp"
#include "check.hpp"
#include "error.hpp"
#include "layout.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// How a waiting task learns of its grant: a function and its argument. It is called once, by the
/// thread or interrupt that made the room, with the heap lock held: it must be short and
/// interrupt-safe, and its frees and cancels are deferred. (close() calls the wakers of the
/// requests that it ends on its own thread, one by one; a waker should not call close().) It must
/// not destroy the request that it wakes.
struct Waker {
  void (*wake)(void* context) noexcept MNEME_NONBLOCKING = nullptr;
  void* context = nullptr;

  [[nodiscard]] explicit operator bool() const noexcept { return wake != nullptr; }
  friend bool operator==(Waker, Waker) noexcept = default;
};

/// The state of a request.
enum class RequestState : std::uint8_t {
  idle,       ///< never polled. Not linked; its owner only. Next: waiting, granted, refused, closed
  waiting,    ///< linked in the wait list; the queue lock. Next: granted, closed, cancelled
  granted,    ///< its memory is reserved. Linked in the ready list if a coroutine awaits it; its
              ///< owner only. Next: taken
  taken,      ///< its owner has the memory, or the error. Not linked. Final
  cancelled,  ///< cancelled by its owner. Not linked. Final
  refused,    ///< can never be met. Not linked. Next: taken
  closed,     ///< the heap was closed. As granted, but without memory. Next: taken
};

/// A request as the queues see it. Lives in the request; never moves.
struct Waiter {
  Waiter() = default;
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  Waiter* previous = nullptr;
  Waiter* next = nullptr;
  Layout layout{};
  BlockLayout block_layout{};
  void* payload = nullptr;                   // the memory of a granted request
  Waker waker{};                             // called at the grant, or
  std::coroutine_handle<> continuation{};    // resumed by the next poll()
  bool in_ready_list = false;                // linked in the ready list,
  std::size_t ready_epoch = 0;               // since the time of this poll()
  AllocError error = AllocError::too_large;  // the reason if refused
  Atomic<RequestState> state{RequestState::idle};
  Atomic<bool> waker_running{
      false};  // true while the granter runs the waker; the request must outlive it
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

  /// Its links are null, as from the beginning, or since remove().
  void push_back(Waiter& waiter) noexcept {
    waiter.previous = last_;
    (last_ == nullptr ? first_ : last_->next) = &waiter;
    last_ = &waiter;
    resize(size() + 1);
  }

  void remove(Waiter& waiter) noexcept {
    (waiter.previous == nullptr ? first_ : waiter.previous->next) = waiter.next;
    (waiter.next == nullptr ? last_ : waiter.next->previous) = waiter.previous;
    waiter.previous = nullptr;
    waiter.next = nullptr;
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

}  // namespace mneme::inline MNEME_SETTINGS
