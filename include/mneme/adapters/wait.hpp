// purpose: lets a plain thread wait for a request, for ever or until a deadline.
// layer: adapters; includes L0–L3.
// threads: as the request; the heap's blocks may be freed anywhere, interrupts included.
// invariants: P4: the waker releases a semaphore, which takes no lock and allocates nothing.
#pragma once

#include <chrono>
#include <expected>
#include <semaphore>

#include "../request.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// Blocks the calling thread until `request` is complete or `deadline` is past, and takes its
/// result. At the deadline the request is cancelled, and the result is `would_wait`. Somebody else
/// has to free memory: a thread that waits for its own blocks waits until its deadline.
///
///     auto request = heap.make<Packet>(7);
///     auto packet = mneme::wait_for(request, std::chrono::milliseconds(20));
template <class Request, class Clock, class Duration>
[[nodiscard]] typename Request::Result wait_until(
    Request& request, std::chrono::time_point<Clock, Duration> deadline) {
  std::binary_semaphore awake{0};
  const Waker waker{
      .wake =
          [](void* sleeper) noexcept { static_cast<std::binary_semaphore*>(sleeper)->release(); },
      .context = &awake};
  auto result = request.poll(waker);
  if (!result) {
    (void)awake.try_acquire_until(deadline);
    result = request.poll();
  }
  request.cancel();  // and returns when the waker, which uses this frame, has
  if (!result) return std::unexpected(AllocError::would_wait);
  return std::move(*result);
}
template <class Request, class Rep, class Period>
[[nodiscard]] typename Request::Result wait_for(Request& request,
                                                std::chrono::duration<Rep, Period> time) {
  return wait_until(request, std::chrono::steady_clock::now() + time);
}

/// The same without a deadline.
template <class Request>
[[nodiscard]] typename Request::Result wait(Request& request) {
  return wait_until(request, std::chrono::steady_clock::time_point::max());
}

}  // namespace mneme::inline MNEME_SETTINGS
