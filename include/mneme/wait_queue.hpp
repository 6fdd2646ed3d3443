// purpose: the waiting requests, in an intrusive list whose nodes are part of the requests.
// layer: L1; includes L0.
// threads: WaitList and the non-atomic fields of Waiter are protected by the queue lock.
// invariants: P2 (first in, first out), P5 (remove is O(1)), P10 (waiting allocates nothing).
#pragma once

#include <concepts>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "atomic.hpp"
#include "check.hpp"
#include "error.hpp"
#include "layout.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// A function that is called when a request is complete, and its argument. It is called at most
/// once: by the thread or interrupt that granted the request, with the heap lock held; or by
/// close() or cancel(). It must be short and interrupt-safe. It may call the heap, and even destroy
/// its own request: README.md, "Wakers that call back".
struct Waker {
  void (*wake)(void* context) noexcept MNEME_NONBLOCKING = nullptr;
  void* context = nullptr;

  [[nodiscard]] explicit operator bool() const noexcept { return wake != nullptr; }
  friend bool operator==(Waker, Waker) noexcept = default;
};

/// The state of a request: whether it is linked in a list, and which states may follow. While it is
/// linked, the queue lock protects it; otherwise only its owner may touch it.
enum class RequestState : std::uint8_t {
  idle,     ///< never polled. Not linked. Next: waiting, granted, taken, refused, closed
  taken,    ///< its owner has taken the memory or the error. Not linked. Final
  refused,  ///< it can never be met. Not linked. Next: taken
  waiting,  ///< in the queue. Linked in the wait list. Next: granted, closed, cancelled
  granted,  ///< memory is reserved for it. Linked in the ready list if a coroutine without a waker
            ///< awaits it. Next: taken, cancelled
  cancelled,  ///< it was cancelled. If a coroutine awaits it, linked as for `closed`; next:
              ///< taken. Otherwise not linked, and final
  closed,     ///< the heap was closed. Linked in the ready list, or in the due list until its waker
              ///< is called. Next: taken, cancelled
};

class WaitList;

/// What a request wants that is not one block; the payload of its Waiter points here.
struct CustomWaiter {
  /// Heap lock held. Takes all that is wanted and returns true; or nothing, and returns false.
  bool (*take)(CustomWaiter& self) noexcept MNEME_NONBLOCKING;
  /// Queue lock held. Gives back what was taken, to the free queue, as its result is not wanted any
  /// more. Returns true if the caller must then call return_lent_lock().
  bool (*undo)(CustomWaiter& self) noexcept;
};

/// The part of a request that the heap's lists link. Never moves.
struct Waiter {
  explicit Waiter(Layout wanted = {}) noexcept : layout(wanted) {}
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  // No initialisers: most requests never wait, and those that do write these before they are read.
  Waiter* previous;
  Waiter* next;
  void* payload;               // the memory of a granted request
  std::size_t epoch_or_error;  // the epoch of poll() in which it became ready; or why refused

  Layout layout;
  Waker waker{};                           // called when it is complete; or, without a waker,
  std::coroutine_handle<> continuation{};  // this is resumed by the next poll()
  Atomic<RequestState> state{RequestState::idle};
  bool is_custom = false;           // it has a CustomWaiter, and a layout that is too large
  std::uint16_t rank = 0;           // for the policy of the queue
  Atomic<WaitList*> list{nullptr};  // the list in which it is linked
};

/// A doubly linked list of waiters, oldest first. It does not own them. All O(1) but valid().
class WaitList {
 public:
  [[nodiscard]] Waiter* front() const noexcept { return first_; }
  [[nodiscard]] Waiter* back() const noexcept { return last_; }
  /// May be read without the queue lock.
  [[nodiscard]] std::size_t size() const noexcept {
    // (waits.size) relaxed: publishes nothing. A thread that must not miss a waiter has
    // synchronised with it through the heap lock.
    return size_.load(std::memory_order_relaxed);
  }

  void push_back(Waiter& waiter) noexcept {
    waiter.previous = last_;
    waiter.next = nullptr;
    (last_ == nullptr ? first_ : last_->next) = &waiter;
    last_ = &waiter;
    // (waits.link) relaxed: the queue lock or (request.complete) publishes it; publishes nothing by
    // itself.
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

  template <class F>
  void for_each(F each) const noexcept {
    for (const Waiter* at = first_; at != nullptr; at = at->next) each(*at);
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

/// The order in which requests are granted: it holds those that wait, and is a WaitList of them or
/// several. Its members need the queue lock, but for size(), and keep `Waiter::list`. Only `choose`
/// differs in more than the order: it calls `take` for each waiter that may be granted now, in the
/// order of the policy, until one gets its memory, and returns that one, which the caller removes.
template <class Policy>
concept QueuePolicy = requires(Policy& policy, const Policy& view, Waiter& waiter) {
  { view.is_fifo() } noexcept -> std::same_as<bool>;  // no newcomer comes before a waiter
  { view.front() } noexcept -> std::same_as<Waiter*>;
  { view.size() } noexcept -> std::same_as<std::size_t>;
  { policy.push_back(waiter) } noexcept;
  { policy.remove(waiter) } noexcept;
  {
    policy.choose([](Waiter&) noexcept { return true; })
  } noexcept -> std::same_as<Waiter*>;
};

/// First in, first out: only the oldest waiter is ever tried (P2). Others are in waiting/.
class Fifo : public WaitList {
 public:
  [[nodiscard]] static constexpr bool is_fifo() noexcept { return true; }

  template <class Take>
  [[nodiscard]] Waiter* choose(Take take) noexcept {
    Waiter* const head = front();
    return head != nullptr && take(*head) ? head : nullptr;
  }
};

/// The call of a waker, while it runs. The waker's request may be destroyed meanwhile.
class WakerCall {
 public:
  /// Call with the queue lock held, before the result of `waiter` is published; then call run().
  void begin(Waiter& waiter) noexcept {
    waker_ = waiter.waker;
    // (waker.begin) release: pairs with acquire (waker.await); the previous waker has returned.
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
    // (waker.is_running) acquire: pairs with release (waker.done); sees that the previous waker,
    // maybe another thread's, has returned, which (waker.begin) of the next call passes on.
    return waiter_.load(std::memory_order_acquire) != nullptr;
  }

  /// Waits until the waker of `waiter` is not running; `waiter` may already be destroyed. Inside a
  /// waker it returns at once: that may be the same waker, or one for which the other one waits.
  void await(const Waiter& waiter) const noexcept MNEME_BLOCKING {
    // (waker.await) acquire: pairs with release (waker.done), with release (waker.begin); what the
    // waker did with its context is done.
    while (waiter_.load(std::memory_order_acquire) == &waiter && !inside_waker()) relax();
  }

 private:
  Waker waker_{};
  Atomic<Waiter*> waiter_{nullptr};  // only compared, never followed
};

}  // namespace mneme::inline MNEME_SETTINGS
