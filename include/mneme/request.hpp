// purpose: one asynchronous allocation, to be polled or awaited, and the raw block it ends in.
// layer: L2; includes L0, L1 and basic_heap.
// threads: a request belongs to one task; the heap answers it from any thread or interrupt.
// invariants: P5 (destroying a request in any state loses nothing), P10 (the node is inside).
#pragma once

#include <coroutine>
#include <cstddef>
#include <expected>
#include <optional>
#include <utility>

#include "basic_heap.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// Owns a block of raw memory with its layout. Move-only.
template <class Heap = mneme::Heap>
class [[nodiscard]] Allocation {
 public:
  Allocation() noexcept = default;
  Allocation(Allocation&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), layout_(other.layout_) {}
  Allocation& operator=(Allocation other) noexcept {
    std::swap(data_, other.data_);
    std::swap(layout_, other.layout_);
    return *this;
  }
  ~Allocation() { reset(); }

  [[nodiscard]] void* data() const noexcept { return data_; }
  [[nodiscard]] Layout layout() const noexcept { return layout_; }
  [[nodiscard]] explicit operator bool() const noexcept { return data_ != nullptr; }

  /// Gives the memory back now; nothing if empty.
  void reset() noexcept {
    if (data_ != nullptr)
      (misuse::heap_of<Heap>(data_)->free)(std::exchange(data_, nullptr), layout_);
  }

  /// Lets go of the memory without freeing it; from_leaked takes it over again, with the same
  /// layout.
  [[nodiscard]] void* leak() noexcept { return std::exchange(data_, nullptr); }
  static Allocation from_leaked(void* data, Layout layout) noexcept {
    return Allocation(data, layout);
  }

 private:
  Allocation(void* data, Layout layout) noexcept : data_(data), layout_(layout) {}

  void* data_ = nullptr;
  Layout layout_{};
};

/// What co_await works on: a pointer, since requests are immovable, and g++ 12 copies what a call
/// like wake_by returns.
template <class Awaited>
struct Awaiter {
  Awaited* request;

  [[nodiscard]] bool await_ready() const noexcept { return request->await_ready(); }
  [[nodiscard]] bool await_suspend(std::coroutine_handle<> task) const noexcept {
    return request->await_suspend(task);
  }
  [[nodiscard]] auto await_resume() const { return request->await_resume(); }
};

/// A request for memory. Created by `heap.allocate(layout)`; begins with its first poll or
/// co_await.
///
///     auto block = co_await heap.allocate({.size = 64});       // expected<Allocation, AllocError>
///     auto request = heap.allocate({.size = 64});         // or by hand:
///     if (auto answer = request.poll(waker)) …            // nullopt: it waits
///
/// Destroying it cancels it. It moves only until it begins, since the heap links it then.
template <class Heap = mneme::Heap>
class [[nodiscard]] Request {
 public:
  using Result = std::expected<Allocation<Heap>, AllocError>;

  /// For promises whose await_transform returns by value. `other` is over then. Fatal in checked
  /// builds if it has begun; else it keeps its place, and this one begins anew.
  Request(Request&& other) noexcept : heap_(other.heap_), waiter_(other.waiter_.layout) {
    fatal_unless(other.state() == RequestState::idle, "move of a request that has begun");
    waiter_.waker = other.waiter_.waker;
    if (other.state() != RequestState::idle) return;
    // (request.moved) relaxed: only its owner knows of it; publishes nothing.
    other.waiter_.state.store(RequestState::taken, std::memory_order_relaxed);
  }
  Request& operator=(Request&&) = delete;
  ~Request() {
    if (may_be_linked(state()) || waiter_.waker) [[unlikely]]
      end(true);
  }

  /// The same as heap.allocate(layout), for containers: `optional.emplace(heap, layout)`.
  Request(Heap& heap, Layout layout) noexcept : heap_(heap), waiter_(layout) {}

  /// Calls `waker` when the request is complete, instead of leaving the coroutine to Heap::poll():
  /// for use before co_await. It should have somebody else resume the coroutine: one that it
  /// resumes itself runs inside the waker, with the heap locked. Its context must outlive the
  /// request: the waker may still be running when the result is taken; the destructor and cancel()
  /// wait for it, except inside a waker.
  Request&& wake_by(Waker waker) && noexcept {
    fatal_unless(state() == RequestState::idle, "wake_by on a request that has begun");
    waiter_.waker = waker;
    return std::move(*this);
  }

  /// The result; or nothing while the request waits, and then the waker, if there is one, will be
  /// called once: a poll never does both. A later poll with another waker replaces it; one without
  /// leaves things as they are, and so does any poll while a coroutine awaits the request. After
  /// the result was taken, further polls return `cancelled`.
  [[nodiscard]] std::optional<Result> poll(Waker waker = {}) noexcept {
    // (request.poll) relaxed: a hint what to try; (request.repoll) sees the answer. It publishes
    // nothing.
    RequestState state = waiter_.state.load(std::memory_order_relaxed);
    if (state == RequestState::idle) {
      if (waker) waiter_.waker = waker;
      const bool has_waker = static_cast<bool>(waiter_.waker);
      // Once it is queued, its waker reports the grant, and that task may destroy the request.
      if (!heap_.try_start(waiter_) && !heap_.start(waiter_) && has_waker) return std::nullopt;
    } else if ((waiter_.continuation && state != RequestState::taken) ||
               (state == RequestState::waiting && waker && rearm(waker, {}))) {
      return std::nullopt;
    }
    // (request.repoll) acquire: pairs with release (request.complete); sees the payload and the
    // block. It may just have been granted.
    state = waiter_.state.load(std::memory_order_acquire);
    if (state == RequestState::waiting) return std::nullopt;
    return take(state);
  }

  /// Cancels the request: it leaves the queue, memory already granted goes back, the next waiter is
  /// considered (P5). Nothing if its result was taken. A coroutine that awaits it resumes with
  /// `cancelled`, by the next Heap::poll() or its waker; any thread may cancel it for that. Without
  /// a coroutine the waker is not called. Waits for a waker of this request that is running just
  /// now, except inside a waker.
  void cancel() noexcept {
    const RequestState before = state();
    if (before == RequestState::idle) {
      // (request.never) relaxed: only its owner knows of it; publishes nothing.
      waiter_.state.store(RequestState::cancelled, std::memory_order_relaxed);
    } else {
      end(false);
    }
  }

  [[nodiscard]] RequestState state() const noexcept {
    // (request.state) relaxed: for messages; publishes nothing.
    return waiter_.state.load(std::memory_order_relaxed);
  }

  /// The memory reserved for a request that was granted and is not taken yet, else nullptr; for
  /// tools that show it.
  [[nodiscard]] const void* reserved() const noexcept {
    // (request.reserved) acquire: pairs with release (request.complete); sees the payload.
    const bool granted = waiter_.state.load(std::memory_order_acquire) == RequestState::granted;
    return granted ? waiter_.payload : nullptr;
  }

  [[nodiscard]] Awaiter<Request> operator co_await() noexcept { return {this}; }
  /// A request that is granted at once does not suspend its coroutine.
  [[nodiscard]] bool await_ready() noexcept {
    const RequestState now = state();
    if (now == RequestState::idle) return heap_.try_start(waiter_);
    return now != RequestState::waiting;
  }
  /// A request that was polled by hand keeps its place; its waker is replaced by the coroutine.
  [[nodiscard]] bool await_suspend(std::coroutine_handle<> task) noexcept {
    if (state() != RequestState::idle) return rearm({}, task);
    waiter_.continuation = task;
    if (!heap_.start(waiter_)) return true;
    waiter_.continuation = {};
    return false;
  }
  [[nodiscard]] Result await_resume() noexcept {
    // (request.resume) acquire: pairs with release (request.complete); sees the payload and the
    // block.
    return take(waiter_.state.load(std::memory_order_acquire));
  }

 private:
  [[nodiscard]] static constexpr bool may_be_linked(RequestState state) noexcept {
    return state != RequestState::idle && state != RequestState::taken &&
           state != RequestState::refused;
  }

  [[gnu::noinline]] void end(bool is_destroyed) noexcept {
    if (may_be_linked(state())) {
      heap_.cancel(waiter_, is_destroyed);
    } else if (waiter_.waker) {
      heap_.requests_.await_waker(waiter_);
    }
  }

  [[nodiscard, gnu::noinline]] bool rearm(Waker waker,
                                          std::coroutine_handle<> continuation) noexcept {
    bool waits = false;
    heap_.with_requests_then_settle(
        [&] { waits = heap_.requests_.rearm(waiter_, waker, continuation); });
    return waits;
  }

  [[nodiscard]] Result take(RequestState state) noexcept {
    if (state != RequestState::granted || is_linked() || waiter_.continuation) [[unlikely]]
      return settle_and_take(state);
    // (request.taken) relaxed: only its owner reads it from now on; publishes nothing.
    waiter_.state.store(RequestState::taken, std::memory_order_relaxed);
    return Allocation<Heap>::from_leaked(waiter_.payload, waiter_.layout);
  }

  [[nodiscard]] bool is_linked() const noexcept {
    // (request.linked) relaxed: if it was granted, only this thread unlinks it; publishes nothing.
    return waiter_.list.load(std::memory_order_relaxed) != nullptr;
  }

  /// The same for a request that may be linked, was not granted, or is awaited.
  [[nodiscard, gnu::noinline]] Result settle_and_take(RequestState state) noexcept {
    if (is_linked() || (state != RequestState::granted && may_be_linked(state))) {
      // Its coroutine was resumed by somebody else than Heap::poll(), or its waker may be due.
      heap_.with_requests_then_settle([&] { heap_.requests_.unlink(waiter_); });
    }
    if (waiter_.continuation) {
      // (request.claimed) relaxed: this or (request.cancelled) gets the memory; (request.resume)
      // has seen it. It publishes nothing.
      state = waiter_.state.exchange(RequestState::taken, std::memory_order_relaxed);
    } else {
      // (request.ended) relaxed: only its owner reads it from now on; publishes nothing.
      waiter_.state.store(RequestState::taken, std::memory_order_relaxed);
    }
    switch (state) {
      case RequestState::granted:
        return Allocation<Heap>::from_leaked(waiter_.payload, waiter_.layout);
      case RequestState::refused: return std::unexpected(waiter_.error);
      case RequestState::closed: return std::unexpected(AllocError::closed);
      default: return std::unexpected(AllocError::cancelled);
    }
  }

  Heap& heap_;
  Waiter waiter_;
};

template <RawHeap Raw, QueueLock Queue>
Request<BasicHeap<Raw, Queue>> BasicHeap<Raw, Queue>::allocate(Layout layout) noexcept {
  return Request<BasicHeap>(*this, layout);
}

}  // namespace mneme::inline MNEME_SETTINGS
