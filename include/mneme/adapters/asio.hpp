// purpose: Asio's tasks wait for memory. A free that grants takes Asio's mutex: on threads only.
// layer: adapters; includes L0–L3 and Asio, standalone.
// threads: begins, is cancelled and completes on its executor; no interrupt frees such blocks.
// invariants: a handler is called once, by its executor, never inside a free or the initiation.
#pragma once

#include <asio.hpp>
#include <atomic>
#include <memory>
#include <optional>
#include <utility>

#include "../request.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// One request that waits for Asio: on its own until it is complete.
template <class Request, class Handler>
class AsioOperation {
 public:
  AsioOperation(Request&& request, Handler&& handler)
      : work_(asio::make_work_guard(handler)),
        handler_(std::move(handler)),
        request_(std::move(request)) {}

  void start() {
    auto slot = asio::get_associated_cancellation_slot(handler_);
    if (slot.is_connected()) {
      slot.assign([this](asio::cancellation_type /*type*/) {
        request_.cancel();  // no waker will run any more, but may have posted
        post();
      });
    }
    // If it waits, another thread may end this operation at any time.
    auto result = request_.poll({.wake = wake, .context = this});
    if (!result) return;
    result_ = std::move(result);
    post();
  }

 private:
  static void wake(void* self) noexcept { static_cast<AsioOperation*>(self)->post(); }

  void post() {
    // (asio.post) relaxed: tells who posts, and the executor the rest; publishes nothing.
    if (is_posted_.exchange(true, std::memory_order_relaxed)) return;
    asio::post(work_.get_executor(), [this] { complete(); });
  }

  void complete() {
    const std::unique_ptr<AsioOperation> self(this);
    auto slot = asio::get_associated_cancellation_slot(handler_);
    if (slot.is_connected()) slot.clear();
    auto result = result_ ? std::move(result_) : request_.poll();
    Handler handler = std::move(handler_);
    std::move(handler)(*std::move(result));
  }

  asio::executor_work_guard<asio::associated_executor_t<Handler>> work_;
  Handler handler_;
  std::optional<typename Request::Result> result_;
  std::atomic<bool> is_posted_{false};
  Request request_;  // destroyed first: that waits for its waker, which uses the rest
};

/// An initiating function: completes `request`, which has not begun, and calls the handler of
/// `token` with its result, such as expected<Box<Packet>, AllocError>. Cancelled by the slot of the
/// handler, its result is `cancelled`; so a timeout is `|| timer.async_wait(…)`. An executor that
/// is destroyed first takes the operation with it: close the heap, and let its loop end.
/// A handler that has no executor, as a bare lambda, runs on a thread of Asio's: bind one to it.
///
///     auto packet = co_await mneme::asio_await(heap.make<Packet>(7), asio::use_awaitable);
template <class Request, class Token>
auto asio_await(Request request, Token&& token) {
  return asio::async_initiate<Token, void(typename Request::Result)>(
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

}  // namespace mneme::inline MNEME_SETTINGS
