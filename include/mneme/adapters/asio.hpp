// purpose: Asio's tasks wait for memory. A free that grants takes Asio's mutex: on threads only.
// layer: adapters; includes L0–L3, and Asio: standalone, or Boost's if MNEME_BOOST_ASIO is defined.
// threads: begins, is cancelled and completes on its executor; no interrupt frees such blocks.
// invariants: a handler is called once, by its executor, never inside a free or the initiation.
#pragma once

#include <coroutine>
#include <memory>
#include <utility>

// Behind <utility>, which Boost 1.74 needs and does not include.
#ifdef MNEME_BOOST_ASIO
#include <boost/asio.hpp>
#else
#include <asio.hpp>
#endif

#include "../request.hpp"

namespace mneme::inline MNEME_SETTINGS {

// Named after the library, as two files of one program may use one each. Asio before 1.19, and so
// Boost before 1.77, has no cancellation slots.
#ifdef MNEME_BOOST_ASIO
#define MNEME_ASIO_HAS_SLOTS (BOOST_ASIO_VERSION >= 101900)
inline namespace for_boost_asio {
namespace asio_library = ::boost::asio;
#else
#define MNEME_ASIO_HAS_SLOTS (ASIO_VERSION >= 101900)
inline namespace for_asio {
namespace asio_library = ::asio;
#endif

/// One request that waits for Asio: on its own until it is complete.
template <class Request, class Handler>
class AsioOperation {
 public:
  AsioOperation(Request&& request, Handler&& handler)
      : work_(asio_library::make_work_guard(handler)),
        handler_(std::move(handler)),
        request_(std::move(request)) {}

  /// The request waits as that of a coroutine, whose waker is called even if it is cancelled. Then
  /// another thread may end this operation at any time.
  void start() {
#if MNEME_ASIO_HAS_SLOTS
    auto slot = asio_library::get_associated_cancellation_slot(handler_);
    if (slot.is_connected()) {
      slot.assign([this](asio_library::cancellation_type /*type*/) { request_.cancel(); });
    }
#endif
    (void)std::move(request_).wake_by({.wake = wake, .context = this});
    if (!request_.await_ready() && request_.await_suspend(std::noop_coroutine())) return;
    post();
  }

 private:
  static void wake(void* self) noexcept { static_cast<AsioOperation*>(self)->post(); }

  void post() {
    asio_library::post(work_.get_executor(), [this] { complete(); });
  }

  void complete() {
    const std::unique_ptr<AsioOperation> self(this);
#if MNEME_ASIO_HAS_SLOTS
    auto slot = asio_library::get_associated_cancellation_slot(handler_);
    if (slot.is_connected()) slot.clear();
#endif
    auto result = request_.await_resume();
    Handler handler = std::move(handler_);
    std::move(handler)(std::move(result));
  }

  asio_library::executor_work_guard<asio_library::associated_executor_t<Handler>> work_;
  Handler handler_;
  Request request_;  // destroyed first: that waits for its waker, which uses the rest
};

/// An initiating function: completes `request`, which has not begun, and calls the handler of
/// `token` with its result, such as expected<Box<Packet>, AllocError>. Cancelled by the slot of the
/// handler, its result is `cancelled`; so a timeout is `|| timer.async_wait(…)`, or a limit of the
/// request (asio_timer.hpp), which needs no slots: Boost has them from 1.77 on. An executor that is
/// destroyed first takes the operation with it: close the heap, and let its loop end. A handler
/// that has no executor, as a bare lambda, runs on a thread of Asio's: bind one to it.
///
///     auto packet = co_await mneme::asio_await(heap.make<Packet>(7), asio::use_awaitable);
template <class Request, class Token>
auto asio_await(Request request, Token&& token) {
  return asio_library::async_initiate<Token, void(typename Request::Result)>(
      [](auto handler, Request&& wanted) {
        using Operation = AsioOperation<Request, decltype(handler)>;
        std::make_unique<Operation>(std::move(wanted), std::move(handler)).release()->start();
      },
      token, std::move(request));
}

/// The same for raw memory.
template <class Heap, class Token>
auto asio_alloc(Heap& heap, Layout layout, Token&& token) {
  return asio_await(heap.allocate(layout), std::forward<Token>(token));
}

}  // inline namespace for_asio
#undef MNEME_ASIO_HAS_SLOTS
}  // namespace mneme::inline MNEME_SETTINGS
