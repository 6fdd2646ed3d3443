// purpose: a request whose answer is an owner: what `make` and its relatives return.
// room: L2; includes L0, L1 and request.
// threads: as a request.
// invariants: P5: until the owner is built, the block is owned too, also when a constructor throws.
#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <type_traits>
#include <utility>

#include "request.hpp"

namespace mneme {

/// A request that turns its block into an owner by `build(Block)` on the thread that takes the
/// answer. Used as Request.
template <class Heap, class Build>
class [[nodiscard]] OwnerRequest {
 public:
  using Owner = std::invoke_result_t<Build&, Block<Heap>>;
  using Result = std::expected<Owner, AllocError>;

  /// A layout that overflowed is passed on as one that no heap can hold, and so refused as
  /// `too_large`.
  OwnerRequest(Heap& heap, std::expected<Layout, AllocError> layout, Build build)
      : request_(heap.allocate(layout.value_or(Layout{SIZE_MAX, 1}))), build_(std::move(build)) {}

  OwnerRequest&& wake_by(Waker waker) && noexcept {
    (void)std::move(request_).wake_by(waker);
    return std::move(*this);
  }

  [[nodiscard]] std::optional<Result> poll(Waker waker = {}) {
    auto answer = request_.poll(waker);
    if (!answer) return std::nullopt;
    return finish(std::move(*answer));
  }

  void cancel() noexcept { request_.cancel(); }
  [[nodiscard]] RequestState state() const noexcept { return request_.state(); }
  [[nodiscard]] const void* reserved() const noexcept { return request_.reserved(); }

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  [[nodiscard]] bool await_suspend(std::coroutine_handle<> task) noexcept {
    return request_.await_suspend(task);
  }
  [[nodiscard]] Result await_resume() { return finish(request_.await_resume()); }

 private:
  [[nodiscard]] Result finish(std::expected<Block<Heap>, AllocError> block) {
    if (!block) return std::unexpected(block.error());
    return build_(std::move(*block));
  }

  Request<Heap> request_;
  [[no_unique_address]] Build build_;
};

}  // namespace mneme
