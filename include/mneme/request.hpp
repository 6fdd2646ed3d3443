// purpose: one asynchronous allocation, to be polled or awaited, and the raw block it ends in.
// layer: L2; includes L0, L1 and basic_heap.
// threads: a request belongs to one task; any thread or interrupt may complete it.
// invariants: P5 (destroying a request loses nothing), P10 (its node is part of it).
#pragma once

#include "settings.hpp"  // first: it names the compilers that can go on

#include <coroutine>
#include <cstddef>
#include <expected>
#include <optional>
#include <span>
#include <utility>

#include "basic_heap.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// Owns a payload without a type, and knows its layout. Move-only. Frees it when destroyed.
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
  MNEME_HOT ~Allocation() { reset(); }

  [[nodiscard]] void* data() const noexcept { return data_; }
  [[nodiscard]] Layout layout() const noexcept { return layout_; }
  [[nodiscard]] std::span<std::byte> bytes() const noexcept {
    return {static_cast<std::byte*>(data_), data_ != nullptr ? layout_.size : 0};
  }
  // NOLINTNEXTLINE(google-explicit-constructor): an allocation is the span of its bytes
  operator std::span<std::byte>() const noexcept { return bytes(); }
  [[nodiscard]] explicit operator bool() const noexcept { return data_ != nullptr; }

  /// Frees the memory now, as Heap::free. Does nothing if empty.
  MNEME_HOT void reset() noexcept {
    if (data_ != nullptr) free_now(std::exchange(data_, nullptr), layout_);
  }

  /// Releases ownership without freeing. from_leaked, with the same layout, makes an owner again.
  [[nodiscard]] void* leak() noexcept { return std::exchange(data_, nullptr); }
  static Allocation from_leaked(void* data, Layout layout) noexcept {
    return Allocation(data, layout);
  }

 private:
  Allocation(void* data, Layout layout) noexcept : data_(data), layout_(layout) {}

  // Static, so that no address of an owner escapes.
  static void free_now(void* data, Layout layout) noexcept {
    (misuse::heap_of<Heap>(data)->free)(data, layout);
  }

  void* data_ = nullptr;
  Layout layout_{};
};

/// The awaiter of a request. It holds a pointer because a request that has begun cannot be moved,
/// and g++ 12 copies the operand of co_await if that is the result of a call such as wake_by.
template <class Awaited>
struct Awaiter {
  Awaited* request;

  [[nodiscard]] bool await_ready() const noexcept { return request->await_ready(); }
  [[nodiscard]] bool await_suspend(std::coroutine_handle<> task) const noexcept {
    return request->await_suspend(task);
  }
  [[nodiscard]] auto await_resume() const { return request->await_resume(); }
};

/// A request for memory. `heap.allocate(layout)` creates it; it begins with its first poll or
/// co_await.
///
///     auto block = co_await heap.allocate({.size = 64});       // expected<Allocation, AllocError>
///     auto request = heap.allocate({.size = 64});         // or by hand:
///     if (auto result = request.poll(waker)) …            // nullopt: it waits
///
/// It can be moved until it begins; after that the heap links it. Destroying it cancels it, in any
/// state, and waits for a waker of it that is just running, except inside a waker.
///
/// A coroutine that awaits it without a waker is resumed by heap.poll(), on any thread that calls
/// that. So while another thread may be in heap.poll(), the owner of such a coroutine must not
/// destroy it: the poll may just be about to resume it. To end it, cancel() the request, and let
/// the coroutine run to its end.
template <class Heap = mneme::Heap>
class [[nodiscard]] Request {
 public:
  using Result = std::expected<Allocation<Heap>, AllocError>;

  /// For promises whose await_transform returns by value. `other` then gives `cancelled`. If
  /// `other` has begun, that is fatal in checked builds; in others it stays as it is, and this
  /// request begins anew.
  Request(Request&& other) noexcept : heap_(other.heap_), waiter_(other.waiter_.layout) {
    fatal_unless(other.state() == RequestState::idle, "move of a request that has begun");
    waiter_.waker = other.waiter_.waker;
    waiter_.is_custom = other.waiter_.is_custom;
    waiter_.rank = other.waiter_.rank;
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

  /// To be called before co_await: when the request is complete, `waker` is called, and
  /// Heap::poll() will not resume the coroutine. The waker should schedule the coroutine, to be
  /// resumed elsewhere: if it resumes the coroutine itself, that runs inside the waker, with the
  /// heap locked. Its context must outlive the request: the waker may still be running when the
  /// result is taken. The destructor and cancel() wait for it, except inside a waker.
  Request&& wake_by(Waker waker) && noexcept {
    fatal_unless(state() == RequestState::idle, "wake_by on a request that has begun");
    waiter_.waker = waker;
    return std::move(*this);
  }

  /// For heaps whose queue is not FIFO: in waiting/priorities.hpp and waiting/holders_first.hpp.
  Request&& priority(std::size_t level) && noexcept
    requires(Heap::QueueOrder::levels > 0);
  void raise(std::size_t level) noexcept
    requires(Heap::QueueOrder::levels > 0);
  Request&& holding() && noexcept
    requires(Heap::QueueOrder::holders_first);

  /// The same by a scheduler, which resumes the coroutine wherever it does that: in resume_on.hpp.
  template <class Scheduler>
  [[nodiscard]] auto resume_on(Scheduler&& scheduler) &&;
  /// The same with a limit, such as a deadline: in until.hpp.
  template <class What>
  [[nodiscard]] auto until(What what) &&;

  /// Instead of waiting: tries at once, or says why not: in try_allocate.hpp.
  [[nodiscard]] Result try_now(unsigned attempts) noexcept;

  /// Takes the result; or returns nullopt if the request waits, and then the waker, if there is
  /// one, will be called once. A later poll with another waker replaces the waker; one without a
  /// waker keeps it. While a coroutine awaits the request, poll returns nullopt and changes
  /// nothing. Once the result was taken, further polls return `cancelled`. Never waits for memory.
  /// O(raw heap) for the first poll, then O(1).
  [[nodiscard]] MNEME_HOT std::optional<Result> poll(Waker waker = {}) noexcept {
    const bool begins = state() == RequestState::idle;
    void* const payload = begins ? heap_.allocate_unless_waiting(waiter_.layout) : nullptr;
    if (payload == nullptr) [[unlikely]]
      return poll_slowly(waker);
    // (request.direct) relaxed: only its owner reads it from now on; publishes nothing.
    waiter_.state.store(RequestState::taken, std::memory_order_relaxed);
    return Allocation<Heap>::from_leaked(payload, waiter_.layout);
  }

  /// Cancels the request: removes it from the queue, or frees the memory that was granted to it,
  /// and grants the next requests if they fit now (P5). Does nothing if its result was taken. A
  /// coroutine that awaits it is resumed with `cancelled`, by the next Heap::poll() or through its
  /// waker; while it is suspended, any thread may call this. Without a coroutine the waker is not
  /// called. Waits for a waker of this request that is running, except inside a waker.
  void cancel() noexcept {
    const RequestState before = state();
    if (before == RequestState::idle) {
      // (request.never) relaxed: only its owner knows of it; publishes nothing.
      waiter_.state.store(RequestState::cancelled, std::memory_order_relaxed);
    } else {
      end(false);
    }
  }

  /// The state at this moment; another thread may complete the request meanwhile.
  [[nodiscard]] RequestState state() const noexcept {
    // (request.state) relaxed: for messages; publishes nothing.
    return waiter_.state.load(std::memory_order_relaxed);
  }

  /// The payload of a request that is granted and not taken yet, otherwise nullptr; for tools that
  /// show it.
  [[nodiscard]] const void* reserved() const noexcept {
    // (request.reserved) acquire: pairs with release (request.complete); sees the payload.
    const bool granted = waiter_.state.load(std::memory_order_acquire) == RequestState::granted;
    return granted ? waiter_.payload : nullptr;
  }

  /// Of the memory that it is for.
  [[nodiscard]] Layout layout() const noexcept { return waiter_.layout; }

  [[nodiscard]] Awaiter<Request> operator co_await() noexcept { return {this}; }
  /// A request that is granted at once does not suspend its coroutine.
  [[nodiscard]] bool await_ready() noexcept {
    const RequestState now = state();
    if (now != RequestState::idle) [[unlikely]]
      return now != RequestState::waiting;
    void* const payload = heap_.allocate_unless_waiting(waiter_.layout);
    if (payload == nullptr) [[unlikely]]
      return false;
    waiter_.payload = payload;
    // (request.ready) relaxed: read only by the requesting thread; publishes nothing.
    waiter_.state.store(RequestState::granted, std::memory_order_relaxed);
    return true;
  }
  /// A request that was polled before keeps its place in the queue; the coroutine replaces its
  /// waker.
  [[nodiscard]] bool await_suspend(std::coroutine_handle<> task) noexcept {
    if (state() != RequestState::idle) return rearm({}, task);
    waiter_.continuation = task;
    if (!heap_.start(waiter_)) return true;
    waiter_.continuation = {};
    return false;
  }
  /// For a request that was polled before: false if it does not wait any more.
  [[nodiscard]] bool suspend_again(Waker waker, std::coroutine_handle<> task) noexcept {
    return rearm(waker, task);
  }
  /// Removes and returns the waker of a request that has not begun.
  [[nodiscard]] Waker take_waker() noexcept { return std::exchange(waiter_.waker, {}); }
  [[nodiscard]] Result await_resume() noexcept {
    // (request.resume) acquire: pairs with release (request.complete); sees the payload and the
    // block.
    return take(waiter_.state.load(std::memory_order_acquire));
  }

 private:
  [[nodiscard]] static constexpr bool may_be_linked(RequestState state) noexcept {
    return state >= RequestState::waiting;
  }

  /// The rest of poll().
  [[nodiscard, gnu::noinline]] std::optional<Result> poll_slowly(Waker waker) noexcept {
    // (request.poll) relaxed: a hint what to try; (request.repoll) sees the result. It publishes
    // nothing.
    RequestState state = waiter_.state.load(std::memory_order_relaxed);
    if (state == RequestState::idle) {
      if (waker) waiter_.waker = waker;
      const bool has_waker = static_cast<bool>(waiter_.waker);
      // Once it is queued, the waker may run, and the task that it wakes may destroy the request.
      if (!heap_.start(waiter_) && has_waker) return std::nullopt;
    } else if ((waiter_.continuation && state != RequestState::taken) ||
               (state == RequestState::waiting && waker && rearm(waker, {}))) {
      return std::nullopt;
    }
    // (request.repoll) acquire: pairs with release (request.complete); sees the payload and the
    // block, if the request was granted in the meantime.
    state = waiter_.state.load(std::memory_order_acquire);
    if (state == RequestState::waiting) return std::nullopt;
    return take(state);
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
    // Granted and linked is only a request that a coroutine awaits.
    if (state != RequestState::granted || waiter_.continuation) [[unlikely]]
      return settle_and_take(state);
    // (request.taken) relaxed: only its owner reads it from now on; publishes nothing.
    waiter_.state.store(RequestState::taken, std::memory_order_relaxed);
    return Allocation<Heap>::from_leaked(waiter_.payload, waiter_.layout);
  }

  /// The same for a request that may be linked, is not granted, or is awaited.
  [[nodiscard, gnu::noinline]] Result settle_and_take(RequestState state) noexcept {
    // (request.linked) relaxed: if it is granted, only this thread unlinks it; publishes nothing.
    if (waiter_.list.load(std::memory_order_relaxed) != nullptr ||
        (state != RequestState::granted && may_be_linked(state))) {
      // Heap::poll() did not resume its coroutine, or its waker may be due.
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
      case RequestState::refused:
        return std::unexpected(static_cast<AllocError>(waiter_.epoch_or_error));
      case RequestState::closed: return std::unexpected(AllocError::closed);
      default: return std::unexpected(AllocError::cancelled);
    }
  }

  template <class AnyHeap, class Want>
  friend class CustomRequest;

  Heap& heap_;
  Waiter waiter_;
};

template <RawHeap Raw, QueueLock Queue, QueuePolicy Policy>
Request<BasicHeap<Raw, Queue, Policy>> BasicHeap<Raw, Queue, Policy>::allocate(
    Layout layout) noexcept {
  return Request<BasicHeap>(*this, layout);
}

}  // namespace mneme::inline MNEME_SETTINGS
