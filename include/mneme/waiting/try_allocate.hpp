// purpose: allocates at once or says why not; tries a lock that is held, but not for ever.
// layer: L2; includes L0, L1 and request.
// threads: any, interrupts too.
// invariants: P2 (it never overtakes a request that waits).
#pragma once

#include <expected>

#include "../request.hpp"

namespace mneme::inline MNEME_SETTINGS {

// A heap that is locked is not full: another thread has it for a moment, or a guard for longer. A
// program that must not take the one for the other, and cannot wait, lets it try some ten times
// against threads. In an interrupt that came in the middle of a call, more than one is for nothing.
//
// Errors: `locked`, `no_room`, `waiters_first`, `closed`, `too_large`, `bad_alignment`. With no
// attempts at all the heap counts as locked. O(raw heap + attempts), and what an unlock does.
template <RawHeap Raw, QueueLock Queue, QueuePolicy Policy>
std::expected<Allocation<BasicHeap<Raw, Queue, Policy>>, AllocError>
BasicHeap<Raw, Queue, Policy>::try_allocate(Layout layout, unsigned attempts) noexcept {
  const auto fail = [&](AllocError error) {
    this->counters_.add(Count::failed_tries);
    return std::unexpected(error);
  };
  const auto block_layout = this->check_layout(layout);
  if (!block_layout) return fail(block_layout.error());
  for (unsigned attempt = 0; attempt < attempts; ++attempt) {
    if (!this->lock_.try_acquire()) {
      relax();
      continue;
    }
    const auto end = [&](AllocError error) {
      this->settle();
      return fail(error);
    };
    this->reclaim();
    if (is_closed()) return end(AllocError::closed);
    if (this->requests_.waiting() > 0) return end(AllocError::waiters_first);
    void* const payload = this->take(*block_layout, layout.size);
    if (payload == nullptr) return end(AllocError::no_room);
    if (!this->lock_.try_release()) this->settle();
    return Allocation<BasicHeap>::from_leaked(payload, layout);
  }
  return fail(AllocError::locked);
}

}  // namespace mneme::inline MNEME_SETTINGS
