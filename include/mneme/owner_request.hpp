// purpose: a request whose result is an owner; `make`, `make_array` and others return it.
// layer: L2; includes L0, L1 and request.
// threads: as a request.
// invariants: P5: the block always has an owner, even if a constructor throws.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

#include "request.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// A request that turns its block into an owner by `build(Allocation)`, on the thread that takes
/// the result. It is used like a Request. If a constructor throws, `poll` or co_await passes that
/// on, and the block is freed.
template <class Heap, class Build>
class [[nodiscard]] OwnerRequest : Request<Heap> {
  using Base = Request<Heap>;

 public:
  using Owner = std::invoke_result_t<Build&, Allocation<Heap>>;
  using Result = std::expected<Owner, AllocError>;

  /// A layout that overflowed is replaced by one that no heap can hold, so the result is
  /// `too_large`.
  OwnerRequest(Heap& heap, std::expected<Layout, AllocError> layout, Build build)
      : Base(heap, layout.value_or(Layout{SIZE_MAX, 1})), build_(std::move(build)) {}

  using Base::await_ready;
  using Base::await_suspend;
  using Base::cancel;
  using Base::reserved;
  using Base::state;

  [[nodiscard]] Awaiter<OwnerRequest> operator co_await() noexcept { return {this}; }

  OwnerRequest&& wake_by(Waker waker) && noexcept {
    (void)static_cast<Base&&>(*this).wake_by(waker);
    return std::move(*this);
  }
  [[nodiscard]] std::optional<Result> poll(Waker waker = {}) {
    auto answer = Base::poll(waker);
    return answer ? std::optional<Result>(finish(std::move(*answer))) : std::nullopt;
  }
  [[nodiscard]] Result await_resume() { return finish(Base::await_resume()); }

 private:
  [[nodiscard]] Result finish(Base::Result&& block) {
    if (!block) return std::unexpected(block.error());
    return build_(std::move(*block));
  }

  [[no_unique_address]] Build build_;
};

/// A request for one T. Copies of `args` are kept in the request until T is constructed from them;
/// `own(T*)` makes the owner.
template <class T, class Heap, class Own, class... Args>
[[nodiscard]] auto request_object(Heap& heap, Own own, Args&&... args) {
  auto build = [own, kept = std::tuple<std::decay_t<Args>...>(std::forward<Args>(args)...)](
                   Allocation<Heap>&& block) mutable {
    T* const object = std::apply(
        [&](auto&&... each) {
          return node::begin_object<T>(block.data(), std::forward<decltype(each)>(each)...);
        },
        std::move(kept));
    (void)block.leak();
    return own(object);
  };
  return OwnerRequest<Heap, decltype(build)>(heap, Layout::of<T>(), std::move(build));
}

}  // namespace mneme::inline MNEME_SETTINGS
