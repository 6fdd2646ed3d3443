// purpose: allocates at once or says why not; tries a lock that is held, but not for ever.
// layer: L2; includes L0, L1 and owner_request.
// threads: any, interrupts too.
// invariants: P2 (it never overtakes a request that waits).
#pragma once

#include <cstdint>
#include <expected>
#include <utility>

#include "../owner_request.hpp"

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

/// The same for a request that has not begun. If it fails, the request is as before: it may be
/// tried again, polled or awaited. To try one that has begun is misuse: fatal in checked builds.
///
///     auto packet = heap.make<Packet>(7).try_now(10);  // expected<Box<Packet>, AllocError>
template <class Heap>
typename Request<Heap>::Result Request<Heap>::try_now(unsigned attempts) noexcept {
  fatal_unless(state() == RequestState::idle, "try_now of a request that has begun");
  if (state() != RequestState::idle) return std::unexpected(AllocError::cancelled);
  Result result = heap_.try_allocate(waiter_.layout, attempts);
  // (request.tried) relaxed: only its owner knows of it; publishes nothing.
  if (result) waiter_.state.store(RequestState::taken, std::memory_order_relaxed);
  return result;
}
template <class Heap, class Build>
typename OwnerRequest<Heap, Build>::Result OwnerRequest<Heap, Build>::try_now(unsigned attempts) {
  return finish(Base::try_now(attempts));
}

/// What try_make and try_make_array call: as try_allocate with one attempt. If it fails, the
/// arguments are untouched.
template <class Build, class Heap, class... Args>
[[nodiscard]] auto try_build(Heap& heap, Args&&... args) ->
    typename OwnerRequest<Heap, Build>::Result {
  // A layout that overflowed is replaced by one that no heap can hold, as OwnerRequest does.
  auto block = heap.try_allocate(Build::layout(args...).value_or(Layout{SIZE_MAX, 1}), 1);
  if (!block) return std::unexpected(block.error());
  return Build(std::forward<Args>(args)...)(std::move(*block));
}

}  // namespace mneme::inline MNEME_SETTINGS
