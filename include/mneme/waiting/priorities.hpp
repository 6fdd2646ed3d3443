// purpose: a queue with a fixed number of priorities, for BasicHeap<Raw, Lock, Priorities<4>>.
// layer: L2; includes L0, L1 and owner_request.
// threads: as Fifo: protected by the queue lock, but for size().
// invariants: P2: no request overtakes one of its level or above; P14: O(levels).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "../owner_request.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// Lists of waiters, one for each level; that of the highest level comes first.
template <std::size_t count>
  requires(count > 0 && count <= 64)
class LevelQueue {
 public:
  [[nodiscard]] static constexpr bool is_fifo() noexcept { return false; }

  [[nodiscard]] Waiter* front() const noexcept {
    for (const WaitList& list : lists_) {
      if (list.front() != nullptr) return list.front();
    }
    return nullptr;
  }
  /// May be read without the queue lock.
  [[nodiscard]] std::size_t size() const noexcept {
    // (levels.size) relaxed: as (waits.size); publishes nothing. One number for all levels, so that
    // a request that is raised is never missing.
    return size_.load(std::memory_order_relaxed);
  }
  void push_back(Waiter& waiter) noexcept {
    list_of(waiter.rank).push_back(waiter);
    resize(size() + 1);
  }
  void remove(Waiter& waiter) noexcept {
    list_of(waiter.rank).remove(waiter);
    resize(size() - 1);
  }
  /// Moves a waiter behind those of another level.
  void move(Waiter& waiter, std::uint16_t level) noexcept {
    list_of(waiter.rank).remove(waiter);
    waiter.rank = level;
    list_of(level).push_back(waiter);
  }
  template <class Take>
  [[nodiscard]] Waiter* choose(Take take) noexcept {
    Waiter* const head = front();
    return head != nullptr && take(*head) ? head : nullptr;
  }
  template <class F>
  void for_each(F each) const noexcept {
    for (const WaitList& list : lists_) list.for_each(each);
  }
  [[nodiscard]] bool valid() const noexcept {
    std::size_t sum = 0;
    for (const WaitList& list : lists_) {
      if (!list.valid()) return false;
      sum += list.size();
    }
    return sum == size();
  }

 private:
  [[nodiscard]] WaitList& list_of(std::size_t level) noexcept { return lists_[count - 1 - level]; }
  void resize(std::size_t size) noexcept {
    // (levels.resize) relaxed: as (waits.resize); publishes nothing.
    size_.store(size, std::memory_order_relaxed);
  }

  std::array<WaitList, count> lists_{};  // the highest level first
  Atomic<std::size_t> size_{0};
};

/// A fixed number of priority levels. Level 0, the default, is the lowest.
///
///     mneme::BasicHeap<mneme::DefaultRaw, mneme::SpinLock, mneme::Priorities<4>> heap(region);
///     auto packet = co_await heap.make<Packet>().priority(3);
///
/// P2 is: *FIFO within a level, and no request overtakes one of a higher level.* Only the oldest
/// request of the highest level that waits is ever tried: if it does not fit, all others wait, even
/// those that would fit; so a low level may starve. A request that begins while others wait may be
/// granted at once only if all of these are of a lower level. `request.raise(level)` moves a
/// request that waits behind those of a higher level, in O(1), from any thread that may cancel it.
/// `try_` functions have no priority: they fail while any request waits. P1 and P3–P5 are as with
/// FIFO, and so is P14.
template <std::size_t count>
class Priorities : public LevelQueue<count> {
 public:
  static constexpr std::size_t levels = count;
};

/// To be called before the request begins.
template <class Heap>
Request<Heap>&& Request<Heap>::priority(std::size_t level) && noexcept
  requires(Heap::QueueOrder::levels > 0)
{
  constexpr std::size_t highest = Heap::QueueOrder::levels - 1;
  fatal_unless(level <= highest, "a priority that the heap does not have");
  fatal_unless(state() == RequestState::idle, "priority of a request that has begun");
  if (state() == RequestState::idle)
    waiter_.rank = static_cast<std::uint16_t>(level < highest ? level : highest);
  return std::move(*this);
}

/// Gives a request a higher priority; if it waits, it goes behind those that have it already, and
/// is granted if it then is first and fits. Does nothing if it has that level, or is complete.
template <class Heap>
void Request<Heap>::raise(std::size_t level) noexcept
  requires(Heap::QueueOrder::levels > 0)
{
  constexpr std::size_t highest = Heap::QueueOrder::levels - 1;
  fatal_unless(level <= highest, "a priority that the heap does not have");
  const auto to = static_cast<std::uint16_t>(level < highest ? level : highest);
  heap_.with_requests_then_settle([&] {
    if (to <= waiter_.rank) return;
    if (state() == RequestState::waiting) {
      heap_.requests_.queue().move(waiter_, to);
    } else {
      waiter_.rank = to;
    }
  });
}

template <class Heap, class Build>
OwnerRequest<Heap, Build>&& OwnerRequest<Heap, Build>::priority(std::size_t level) && noexcept
  requires(Heap::QueueOrder::levels > 0)
{
  (void)static_cast<Base&&>(*this).priority(level);
  return std::move(*this);
}

}  // namespace mneme::inline MNEME_SETTINGS
