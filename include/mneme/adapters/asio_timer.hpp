// purpose: ends the waits of requests at their deadlines, by a timer of Asio's.
// layer: adapters; includes L0–L3 and asio.
// threads: armed and disarmed by its request's task; fires on its executor, on any of its threads.
// invariants: those of WaitLimit. Its mutex is taken by tasks and the timer, never inside a free.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <utility>

#include "../waiting/until.hpp"
#include "asio.hpp"

namespace mneme::inline MNEME_SETTINGS {
#ifdef MNEME_BOOST_ASIO
inline namespace for_boost_asio {
#else
inline namespace for_asio {
#endif

/// A deadline on Asio's steady clock, for any coroutine, of Asio or not. Its loop has to run until
/// the deadline was met or the request is over; a loop that has ended ends no wait. One allocation
/// for each deadline, when its request begins.
///
///     co_await heap.make<Packet>(7).until(mneme::asio_after(loop, 20ms));     // `timed_out`
///
class AsioDeadline {
 public:
  using Duration = std::chrono::steady_clock::duration;
  static constexpr AllocError error = AllocError::timed_out;

  AsioDeadline(asio_library::any_io_executor executor, Duration time) noexcept
      : executor_(std::move(executor)), time_(time) {}

  void arm(Fire fire) {
    state_ = std::make_shared<State>(executor_, fire);
    state_->timer.expires_after(time_);
    // The handler may come when all else is gone: it has the state for itself.
    state_->timer.async_wait([state = state_](const auto& /*error*/) {
      const std::lock_guard lock(state->mutex);
      if (std::exchange(state->is_armed, false)) state->fire();
    });
  }
  // Of a timer, cancel() is never given an error to throw.
  // NOLINTNEXTLINE(bugprone-exception-escape)
  void disarm() noexcept {
    const std::lock_guard lock(state_->mutex);
    if (std::exchange(state_->is_armed, false)) state_->timer.cancel();
  }

 private:
  struct State {
    State(const asio_library::any_io_executor& executor, Fire what) : timer(executor), fire(what) {}

    asio_library::steady_timer timer;
    Fire fire;
    std::mutex mutex;  // held while a wait is ended
    bool is_armed = true;
  };

  asio_library::any_io_executor executor_;
  Duration time_;
  std::shared_ptr<State> state_;
};

/// `loop`: an execution context, such as io_context, or an executor.
template <class Loop, class Rep, class Period>
[[nodiscard]] AsioDeadline asio_after(Loop&& loop, std::chrono::duration<Rep, Period> time) {
  const auto ceiled = std::chrono::ceil<AsioDeadline::Duration>(time);
  if constexpr (requires { loop.get_executor(); }) {
    return {loop.get_executor(), ceiled};
  } else {
    return {std::forward<Loop>(loop), ceiled};
  }
}

}  // inline namespace for_asio
}  // namespace mneme::inline MNEME_SETTINGS
