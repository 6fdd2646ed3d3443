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

/// A request that turns its block into an owner by a `Build`, on the thread that takes the result.
/// It is used like a Request, and constructed from a heap and the arguments of `Build`. If a
/// constructor throws, `poll` or co_await passes that on, and the block is freed.
template <class Heap, class Build>
class [[nodiscard]] OwnerRequest : Request<Heap> {
  using Base = Request<Heap>;

 public:
  using Owner = std::invoke_result_t<Build&, Allocation<Heap>>;
  using Result = std::expected<Owner, AllocError>;

  /// A layout that overflowed is replaced by one that no heap can hold, so the result is
  /// `too_large`.
  template <class... Args>
  explicit OwnerRequest(Heap& heap, Args&&... args)
      : Base(heap, Build::layout(args...).value_or(Layout{SIZE_MAX, 1})),
        build_(std::forward<Args>(args)...) {}

  using Base::await_ready;
  using Base::await_suspend;
  using Base::cancel;
  using Base::layout;
  using Base::raise;
  using Base::reserved;
  using Base::state;
  using Base::suspend_again;
  using Base::take_waker;

  [[nodiscard]] Awaiter<OwnerRequest> operator co_await() noexcept { return {this}; }

  OwnerRequest&& wake_by(Waker waker) && noexcept {
    (void)static_cast<Base&&>(*this).wake_by(waker);
    return std::move(*this);
  }
  OwnerRequest&& priority(std::size_t level) && noexcept
    requires(Heap::QueueOrder::levels > 0);
  OwnerRequest&& holding() && noexcept
    requires(Heap::QueueOrder::holders_first);
  template <class Scheduler>
  [[nodiscard]] auto resume_on(Scheduler&& scheduler) &&;
  template <class What>
  [[nodiscard]] auto until(What what) &&;
  [[nodiscard]] Result try_now(unsigned attempts);
  [[nodiscard]] std::optional<Result> poll(Waker waker = {}) {
    auto answer = Base::poll(waker);
    return answer ? std::optional<Result>(finish(std::move(*answer))) : std::nullopt;
  }
  [[nodiscard]] Result await_resume() { return finish(Base::await_resume()); }
  /// Makes the owner of a block of this layout; for a request that has not begun.
  [[nodiscard]] Owner build(Allocation<Heap>&& block) { return build_(std::move(block)); }

 private:
  [[nodiscard]] Result finish(Base::Result&& block) {
    if (!block) return std::unexpected(block.error());
    return build(std::move(*block));
  }

  [[no_unique_address]] Build build_;
};

/// Constructs one `Object` from arguments that are kept until then, and makes its `Owner`.
template <class Owner, class Object, class... Kept>
class BuildObject {
 public:
  template <class... Args>
  explicit BuildObject(Args&&... args) : kept_(std::forward<Args>(args)...) {}
  template <class... Args>
  [[nodiscard]] static std::expected<Layout, AllocError> layout(const Args&... /*args*/) noexcept {
    return Layout::of<Object>();
  }
  template <class Heap>
  [[nodiscard]] Owner operator()(Allocation<Heap>&& block) {
    Object* const object = std::apply(
        [&](auto&&... each) {
          return node::begin_object<Object>(block.data(), std::forward<decltype(each)>(each)...);
        },
        std::move(kept_));
    (void)block.leak();
    return Owner::from_leaked(object);
  }

 private:
  std::tuple<Kept...> kept_;
};

}  // namespace mneme::inline MNEME_SETTINGS
