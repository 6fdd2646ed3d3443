// purpose: requests as senders, in the form of std::execution; needs no library that has it.
// layer: adapters; includes L0–L3.
// threads: an operation completes inside the free, the close or the stop that ended it.
// invariants: exactly one of set_value, set_error and set_stopped is called, once.
#pragma once

#include <atomic>
#include <concepts>
#include <optional>
#include <stop_token>
#include <utility>

#include "../request.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// What takes the result of a request: an owner, such as Box<Packet>; an error; or that it was
/// stopped. It runs inside the free that made the room, with the heap locked: it should hand on to
/// its scheduler. It may have `stop_token()`; then only threads may free, not interrupts, as the
/// end of a stop callback waits for one that is running.
template <class Receiver, class Request>
concept ReceiverOf =
    std::move_constructible<Receiver> &&
    requires(Receiver&& receiver, typename Request::Result::value_type owner, AllocError error) {
      std::move(receiver).set_value(std::move(owner));
      std::move(receiver).set_error(error);
      std::move(receiver).set_stopped();
    };

/// A request that was connected. It stays where it is from start() to its completion.
template <class Request, class Receiver>
class SenderOperation {
 public:
  SenderOperation(Request&& request, Receiver&& receiver)
      : receiver_(std::move(receiver)), request_(std::move(request)) {}
  SenderOperation(SenderOperation&&) = delete;

  void start() noexcept {
    if constexpr (has_token) on_stop_.emplace(receiver_.stop_token(), Stop{this});
    auto result = request_.poll({.wake = wake, .context = this});
    const unsigned before = mark(result ? started | completed : started);
    if (!result && (before & completed) != 0) result = request_.poll();
    if (result) {
      finish(*std::move(result));
    } else if ((before & stopping) != 0) {
      cancel();
    }
  }

 private:
  // What happened. Who comes last to find that it is over, of start(), waker and stop, ends it.
  static constexpr unsigned started = 1;    // start() is over
  static constexpr unsigned completed = 2;  // the waker was called, or the result was there at once
  static constexpr unsigned stopping = 4;   // a stop was requested

  static constexpr bool has_token = requires(Receiver& receiver) { receiver.stop_token(); };
  struct Stop {
    SenderOperation* operation;
    void operator()() const noexcept {
      if (operation->mark(stopping) == started) operation->cancel();
    }
  };

  static void wake(void* self) noexcept {
    auto& own = *static_cast<SenderOperation*>(self);
    if (own.mark(completed) == started) own.finish(*own.request_.poll());
  }

  [[nodiscard]] unsigned mark(unsigned bits) noexcept {
    // (sender.mark) acq_rel: pairs with acq_rel (sender.mark); publishes what its caller did before
    // to the one who ends the operation.
    return happened_.fetch_or(bits, std::memory_order_acq_rel);
  }

  void cancel() noexcept {
    request_.cancel();  // and returns when the waker has
    Receiver receiver = std::move(receiver_);
    on_stop_.reset();
    std::move(receiver).set_stopped();
  }
  void finish(typename Request::Result result) noexcept {
    Receiver receiver = std::move(receiver_);
    on_stop_.reset();
    if (result) {
      std::move(receiver).set_value(*std::move(result));
    } else if (result.error() == AllocError::cancelled) {
      std::move(receiver).set_stopped();
    } else {
      std::move(receiver).set_error(result.error());
    }
  }

  Receiver receiver_;
  std::atomic<unsigned> happened_{0};
  std::optional<std::stop_callback<Stop>> on_stop_;
  Request request_;  // destroyed first: that waits for its waker, which uses the rest
};

/// A request as a sender: `connect(receiver)` gives an operation with `start()`.
template <class Request>
class [[nodiscard]] RequestSender {
 public:
  explicit RequestSender(Request&& request) : request_(std::move(request)) {}
  template <ReceiverOf<Request> Receiver>
  [[nodiscard]] auto connect(Receiver receiver) && {
    return SenderOperation<Request, Receiver>(std::move(request_), std::move(receiver));
  }

 private:
  Request request_;
};

///     auto operation = mneme::as_sender(heap.make<Packet>(7)).connect(receiver);
///     operation.start();
template <class Request>
[[nodiscard]] RequestSender<Request> as_sender(Request request) {
  return RequestSender<Request>(std::move(request));
}

}  // namespace mneme::inline MNEME_SETTINGS
