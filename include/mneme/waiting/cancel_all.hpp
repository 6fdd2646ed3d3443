// purpose: sends all waiting requests away while the heap stays open.
// layer: L2; includes L0, L1 and basic_heap.
// threads: any; not in an interrupt that may have come in the middle of a call.
// invariants: P5: no memory is lost, and no request waits that could be granted.
#pragma once

#include "../basic_heap.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// Cancels every waiting request, in the order of the queue, and leaves the heap open: each ends
/// with `cancelled`. Coroutines are resumed as by cancel(). Wakers are called on this thread, one
/// by one, as by close(); unlike with cancel(), also that of a request without a coroutine. Unless
/// another thread holds the lock, none is granted meanwhile, even if cancelling those before it
/// made room. A request that begins meanwhile on another thread, or in a waker that another thread
/// calls, may be cancelled too. What was granted before stays. O(requests).
template <RawHeap Raw, QueueLock Queue, QueuePolicy Policy>
void BasicHeap<Raw, Queue, Policy>::cancel_all() noexcept {
  const bool has_lock = this->lock_.try_acquire();
  while (this->requests_.waiting() > 0) {
    this->requests_.lock_queue();
    if (Waiter* const head = this->requests_.head(); head != nullptr) {
      report_event(this->raw_, Event::cancelled, head, nullptr);
      (void)this->requests_.complete(*head, RequestState::cancelled, nullptr);
      this->counters_.add(Count::cancels);
    }
    this->requests_.unlock_queue();
  }
  // An owner of the heap lock that found the queue lock held relies on the work that is posted.
  if (has_lock || this->lock_.post_work_or_acquire()) this->settle();
  this->call_due_wakers();
}

}  // namespace mneme::inline MNEME_SETTINGS
