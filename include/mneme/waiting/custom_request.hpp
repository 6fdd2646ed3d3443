// purpose: a request for something other than one block, such as the heap's lock.
// layer: L2; includes L0, L1 and resume_on.
// threads: as a request.
// invariants: P2 (it has one place in the queue), P5 (all of it is given back if it is cancelled).
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <utility>

#include "../raw/block_queries.hpp"
#include "resume_on.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// A request that waits in the queue as any other, for what `Want` describes. It is used like a
/// Request. The members of `Want`, noexcept all but `finish`, whose exceptions are passed on:
///
///     Owner                   the type of the result
///     error(access)           why it can never be met, if so
///     done_at_once(access)    if there is one: true if it was met without its turn in the queue
///     take(access)            heap lock held: takes everything and returns true, or nothing
///     undo(access)            gives back to the free queue; true if the heap lock was taken too
///     finish(access)          makes the owner of what was taken
template <class Heap, class Want>
class [[nodiscard]] CustomRequest : Request<Heap>, CustomWaiter {
  using Base = Request<Heap>;

 public:
  using Owner = typename Want::Owner;
  using Result = std::expected<Owner, AllocError>;

  explicit CustomRequest(Heap& heap, Want want = {})
      : Base(heap, Layout{SIZE_MAX, 1}),
        CustomWaiter{.take = take_wanted, .undo = undo_wanted},
        want_(std::move(want)) {
    this->waiter_.is_custom = true;
  }

  using Base::cancel;
  using Base::raise;
  using Base::state;
  using Base::suspend_again;
  using Base::take_waker;

  [[nodiscard]] Awaiter<CustomRequest> operator co_await() noexcept { return {this}; }
  [[nodiscard]] bool await_ready() noexcept { return is_refused() || Base::await_ready(); }
  using Base::await_suspend;
  [[nodiscard]] Result await_resume() { return finish(Base::await_resume()); }

  CustomRequest&& wake_by(Waker waker) && noexcept {
    (void)static_cast<Base&&>(*this).wake_by(waker);
    return std::move(*this);
  }
  CustomRequest&& priority(std::size_t level) && noexcept
    requires(Heap::QueueOrder::levels > 0)
  {
    (void)static_cast<Base&&>(*this).priority(level);
    return std::move(*this);
  }
  CustomRequest&& holding() && noexcept
    requires(Heap::QueueOrder::holders_first)
  {
    (void)static_cast<Base&&>(*this).holding();
    return std::move(*this);
  }
  template <class What>
  [[nodiscard]] auto until(What what) &&;
  template <class Scheduler>
  [[nodiscard]] auto resume_on(Scheduler&& scheduler) && {
    static_assert(TaskScheduler<std::remove_reference_t<Scheduler>>);
    return ResumeOn<CustomRequest, Scheduler>(std::move(*this), std::forward<Scheduler>(scheduler));
  }
  [[nodiscard]] std::optional<Result> poll(Waker waker = {}) {
    (void)is_refused();
    auto answer = Base::poll(waker);
    return answer ? std::optional<Result>(finish(std::move(*answer))) : std::nullopt;
  }

  /// What it is for; of a request that has not begun, to make it a part of a group.
  [[nodiscard]] Want& wanted() noexcept { return want_; }

 private:
  /// Access of a Want to the heap.
  struct Access {
    Heap& heap;

    void lend_lock() const noexcept MNEME_NONBLOCKING { heap.lend_lock(); }
    /// Memory for a payload, or nullptr.
    [[nodiscard]] void* take(Layout layout) const noexcept MNEME_NONBLOCKING {
      return heap.take_or_note(*BlockLayout::with_header(layout), layout.size);
    }
    /// In take(): the memory is not wanted, as other memory is missing.
    void give_back(void* payload, Layout layout) const noexcept MNEME_NONBLOCKING {
      const std::size_t size = BlockLayout::size_with_header(layout.size);
      report_event(heap.raw_, Event::freed, node::block_of(payload), size);
      node::end_live(node::block_of(payload), size);
      heap.counters_.increment(Count::freed);
      heap.counters_.add(Count::freed_bytes, layout.size);
      heap.give(node::block_of(payload), size);
    }
    /// In undo().
    void give_later(void* payload, Layout layout) const noexcept {
      heap.counters_.add(Count::freed_bytes, layout.size);
      heap.push_deferred(node::block_of(payload), BlockLayout::size_with_header(layout.size));
    }
    [[nodiscard]] Guard<Heap> guard() const noexcept { return Guard<Heap>(heap); }

    /// In take(), or with the lock that was lent: as Heap::try_resize.
    [[nodiscard]] bool resize(void* payload, Layout from,
                              Layout to) const noexcept MNEME_NONBLOCKING {
      std::byte* const block = node::block_of(payload);
      const std::size_t size = BlockLayout::size_with_header(from.size);
      const BlockLayout wanted = *BlockLayout::with_header(to);
      // The header alone, as its task may write to the payload, and so to the word of the slack.
      fatal_unless((header::load(block) & ~header::hole_before) == heap.header_for(size),
                   "an owner was changed while its reallocation waited");
      if (!heap.resize(block, size, wanted)) return false;
      node::resize_live(block, wanted.size, from.size, to.size);
      heap.counters_.add(Count::asked_bytes, to.size - from.size);
      heap.counters_.raise(Count::largest_request_bytes, to.size);
      return true;
    }
    /// Whether a live block can ever get a layout: in place, or before or behind where it is.
    [[nodiscard]] bool may_fit(void* payload, Layout from, Layout to) const noexcept {
      const std::byte* const block = heap.checked_block(payload, from).start;
      return fits_beside(heap.raw_, block, *BlockLayout::with_header(to));
    }
    /// The bytes that a block lets go of when it becomes shorter.
    [[nodiscard]] std::size_t rest_bytes(void* payload, Layout from, Layout to) const noexcept {
      const auto taken = [&](Layout layout) noexcept {
        return taken_bytes(heap.raw_, node::block_of(payload),
                           BlockLayout::size_with_header(layout.size));
      };
      return taken(from) - taken(to);
    }
    /// Makes a block shorter without the heap lock: what it lets go of becomes a block of its own
    /// in the free queue, for which that must not be a single word. The caller posts work.
    void cut_off(void* payload, Layout from, Layout to) const noexcept {
      std::byte* const block = node::block_of(payload);
      const std::size_t old_size = BlockLayout::size_with_header(from.size);
      const std::size_t size = BlockLayout::size_with_header(to.size);
      const std::size_t rest = rest_bytes(payload, from, to);
      std::byte* const tail = block + taken_bytes(heap.raw_, block, size);
      if constexpr (checks_enabled) {
        header::clear(block, (header::size_tags - 1) * header::size_tag_unit);
        (void)header::set(block, header::size_tag(size));
      }
      node::resize_live(block, size, from.size, to.size);
      if (size < old_size) instrument::poison_free(block + size, old_size - size);
      report_event(heap.raw_, Event::resized, block, size);
      heap.counters_.add(Count::asked_bytes, to.size - from.size);
      if (rest == 0) return;
      instrument::mark_undefined(tail, rest);
      header::store(tail, heap.header_for(rest) | (checks_enabled ? header::deferred : 0));
      (void)node::make_live(tail, rest, rest - word_bytes);
      heap.counters_.add(Count::pushed);
      heap.counters_.add(Count::parts, SIZE_MAX);
      heap.free_queue_.push(node::make_freed(tail, rest));
    }
    void post_work() const noexcept {
      if (heap.lock_.post_work_or_acquire()) heap.settle();
    }
    void return_lock() const noexcept { heap.return_lent_lock(); }
  };

  /// Before it begins: gives it its last address, and refuses it if it can never be met.
  [[nodiscard]] bool is_refused() noexcept {
    if (state() != RequestState::idle) return false;
    this->waiter_.payload = static_cast<CustomWaiter*>(this);
    const Access access{this->heap_};
    if (const std::optional<AllocError> error = want_.error(access)) {
      return this->heap_.refuse(this->waiter_, *error);
    }
    if constexpr (requires { want_.done_at_once(access); }) {
      // (request.at_once) relaxed: read only by the requesting thread; publishes nothing.
      if (want_.done_at_once(access))
        this->waiter_.state.store(RequestState::granted, std::memory_order_relaxed);
    }
    return false;
  }
  [[nodiscard]] Result finish(Base::Result&& taken) {
    if (!taken) {
      // Another thread that cancelled it may still be in undo(), with the queue lock held.
      if (taken.error() == AllocError::cancelled) this->heap_.with_requests_then_settle([] {});
      return std::unexpected(taken.error());
    }
    (void)taken->leak();
    return want_.finish(Access{this->heap_});
  }

  static bool take_wanted(CustomWaiter& self) noexcept MNEME_NONBLOCKING {
    auto& own = static_cast<CustomRequest&>(self);
    return own.want_.take(Access{own.heap_});
  }
  static bool undo_wanted(CustomWaiter& self) noexcept {
    auto& own = static_cast<CustomRequest&>(self);
    return own.want_.undo(Access{own.heap_});
  }

  [[no_unique_address]] Want want_;
};

}  // namespace mneme::inline MNEME_SETTINGS
