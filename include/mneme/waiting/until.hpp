// purpose: a request that gives up at a deadline, or when something else says so.
// layer: L2; includes L0, L1 and custom_request.
// threads: as a request; its limit may fire on any thread, also in an interrupt.
// invariants: P1: the coroutine is always resumed: by the grant, or by the limit. P5.
#pragma once

#include <concepts>
#include <coroutine>
#include <expected>
#include <optional>
#include <utility>

#include "custom_request.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// Called by a limit: cancels the request.
struct Fire {
  void (*fire)(void* context) noexcept = nullptr;
  void* context = nullptr;

  void operator()() const noexcept { fire(context); }
};

/// What ends a wait, such as a deadline of a timer. It can be moved until it is armed.
///
/// * `arm(fire)`: from now on, `fire` is called once, by any thread, when the wait is to end;
/// inside
///   arm() itself if that is so already.
/// * `disarm()`: once it has returned, `fire` is not running, and will not be called.
/// * `error`: the result of a wait that it ended.
template <class Limit>
concept WaitLimit = std::move_constructible<Limit> && requires(Limit& limit, Fire fire) {
  limit.arm(fire);
  { limit.disarm() } noexcept;
  { Limit::error } -> std::convertible_to<AllocError>;
};

/// The limit that `until(what)` makes of its argument.
template <class What>
struct LimitOf {
  using Type = What;
};

/// A request with a limit. What is there at once is granted even if the limit is past; a request
/// that would wait then is not suspended. A request that waits when its limit fires is cancelled,
/// and its coroutine is resumed as by cancel(), with the error of the limit: `timed_out` for a
/// deadline. If the limit fires between the grant and the resumption, the memory is given back. A
/// limit that never fires changes nothing.
///
///     auto packet = co_await heap.make<Packet>(7).until(timer.at(deadline));
///     auto other = co_await heap.make<Packet>(8).until(timer.at(deadline)).resume_on(loop);
///
/// To disarm a limit may mean to wait until it has fired on another thread. So its coroutine must
/// be resumed outside of wakers: by poll(), or by a loop. It can be moved until it begins.
template <class Request, WaitLimit Limit>
class [[nodiscard]] Until {
 public:
  using Result = typename Request::Result;

  Until(Request&& request, Limit&& limit)
      : request_(std::move(request)), waker_(request_.take_waker()), limit_(std::move(limit)) {}
  Until(Until&& other) noexcept
      : request_(std::move(other.request_)),
        waker_(other.waker_),
        limit_(std::move(other.limit_)) {}
  Until& operator=(Until&&) = delete;
  ~Until() { disarm(); }

  [[nodiscard]] Awaiter<Until> operator co_await() noexcept { return {this}; }
  [[nodiscard]] bool await_ready() { return request_.await_ready(); }
  /// The request begins without a coroutine: then the limit may fire at any time, and nobody can
  /// resume the coroutine, and so end this object, before it is suspended.
  [[nodiscard]] bool await_suspend(std::coroutine_handle<> task) {
    return begin() && request_.suspend_again(waker_, task);
  }
  [[nodiscard]] Result await_resume() {
    disarm();
    return finish(result_ ? *std::move(result_) : request_.await_resume());
  }

  /// As of Request.
  Until&& wake_by(Waker waker) && noexcept {
    waker_ = waker;
    return std::move(*this);
  }
  void cancel() noexcept { request_.cancel(); }
  [[nodiscard]] RequestState state() const noexcept { return request_.state(); }
  template <class Scheduler>
  [[nodiscard]] auto resume_on(Scheduler&& scheduler) && {
    static_assert(TaskScheduler<std::remove_reference_t<Scheduler>>);
    return ResumeOn<Until, Scheduler>(std::move(*this), std::forward<Scheduler>(scheduler));
  }
  template <class What>
  [[nodiscard]] auto until(What what) && {
    using Other = typename LimitOf<What>::Type;
    return Until<Until, Other>(std::move(*this), Other(std::move(what)));
  }

  // For an Until around this one.
  [[nodiscard]] std::optional<Result> poll() {
    if (begin()) return std::nullopt;
    return await_resume();
  }
  [[nodiscard]] bool suspend_again(Waker waker, std::coroutine_handle<> task) noexcept {
    return request_.suspend_again(waker, task);
  }
  [[nodiscard]] Waker take_waker() noexcept { return std::exchange(waker_, {}); }

 private:
  /// Returns true if the request waits; its limit is armed then.
  [[nodiscard]] bool begin() {
    result_ = request_.poll();
    if (result_) return false;
    is_armed_ = true;
    limit_.arm({.fire = fire, .context = this});
    return true;
  }
  static void fire(void* self) noexcept {
    auto& own = *static_cast<Until*>(self);
    own.has_fired_ = true;
    own.request_.cancel();
  }
  void disarm() noexcept {
    if (!is_armed_) return;
    fatal_unless(!inside_waker(), "a request with a limit goes on, or ends, inside a waker");
    is_armed_ = false;
    limit_.disarm();
  }
  [[nodiscard]] Result finish(Result&& result) const {
    if (!result && result.error() == AllocError::cancelled && has_fired_) {
      return std::unexpected(Limit::error);
    }
    return std::move(result);
  }

  Request request_;
  Waker waker_{};
  std::optional<Result> result_;  // of a request that did not wait
  bool is_armed_ = false;
  bool has_fired_ = false;  // disarm() orders it
  Limit limit_;
};

/// What `request.until(what)` returns.
template <class Request, class What>
[[nodiscard]] auto limited(Request&& request, What&& what) {
  using Limit = typename LimitOf<What>::Type;
  return Until<Request, Limit>(std::forward<Request>(request), Limit(std::forward<What>(what)));
}

template <class Heap>
template <class What>
auto Request<Heap>::until(What what) && {
  return limited(std::move(*this), std::move(what));
}
template <class Heap, class Build>
template <class What>
auto OwnerRequest<Heap, Build>::until(What what) && {
  return limited(std::move(*this), std::move(what));
}
template <class Heap, class Want>
template <class What>
auto CustomRequest<Heap, Want>::until(What what) && {
  return limited(std::move(*this), std::move(what));
}

}  // namespace mneme::inline MNEME_SETTINGS
