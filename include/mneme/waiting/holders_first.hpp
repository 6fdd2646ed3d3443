// purpose: a queue that serves requests of tasks that hold memory before all others.
// layer: L2; includes L0, L1 and priorities.
// threads: as Fifo: protected by the queue lock, but for size().
// invariants: P2: no request overtakes a holder's, or one of its own kind; P14.
#pragma once

#include <utility>

#include "priorities.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// Holders first: they are the ones that can free something. The heap tracks no tasks, so the
/// request is marked:
///
///     mneme::BasicHeap<mneme::DefaultRaw, mneme::SpinLock, mneme::HoldersFirst> heap(region);
///     auto first = co_await heap.make<Packet>();
///     auto second = co_await heap.make<Packet>().holding();
///
/// P2 is: *FIFO among holders, FIFO among the others, and no request overtakes a holder's.* Only
/// the first request in this order is ever tried: if a holder's does not fit, all others wait. So a
/// task that holds nothing may starve if others always hold something. `try_` functions fail while
/// any request waits. P1 and P3–P5 are as with FIFO, and so is P14.
class HoldersFirst : public LevelQueue<2> {
 public:
  static constexpr bool holders_first = true;
};

/// To be called before the request begins: its task holds memory of this heap.
template <class Heap>
Request<Heap>&& Request<Heap>::holding() && noexcept
  requires(Heap::QueueOrder::holders_first)
{
  fatal_unless(state() == RequestState::idle, "holding on a request that has begun");
  if (state() == RequestState::idle) waiter_.rank = 1;
  return std::move(*this);
}

template <class Heap, class Build>
OwnerRequest<Heap, Build>&& OwnerRequest<Heap, Build>::holding() && noexcept
  requires(Heap::QueueOrder::holders_first)
{
  (void)static_cast<Base&&>(*this).holding();
  return std::move(*this);
}

}  // namespace mneme::inline MNEME_SETTINGS
