// purpose: a request for the heap's lock, which waits in the queue, and whose result is a guard.
// layer: L2; includes L0, L1, guard and custom_request.
// threads: as a request.
// invariants: P1, P2: a guard that waits is granted in its turn, and holds up nobody before it.
#pragma once

#include <optional>

#include "../guard.hpp"
#include "custom_request.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// What `heap.lock()` waits for: the heap's lock, when all older requests are complete.
///
///     auto guard = co_await heap.lock();           // expected<Guard<Heap>, AllocError>
///     if (guard) void* const first = guard->allocate(layout);
///
/// The lock is handed over by whoever has it, so that no newcomer comes between. It is granted even
/// if there is no room. Until the guard is unlocked, frees are deferred and requests wait; so it
/// must not be kept while its holder waits for memory. Errors: `closed`, `cancelled`.
template <class Heap>
struct LockWanted {
  using Owner = Guard<Heap>;

  template <class Access>
  [[nodiscard]] static std::optional<AllocError> error(Access /*access*/) noexcept {
    return std::nullopt;
  }
  template <class Access>
  [[nodiscard]] static bool take(Access access) noexcept {
    access.lend_lock();
    return true;
  }
  template <class Access>
  [[nodiscard]] static bool undo(Access /*access*/) noexcept {
    return true;
  }
  template <class Access>
  [[nodiscard]] static Owner finish(Access access) noexcept {
    return access.guard();
  }
};

/// A request for a guard, by name.
template <class Heap = mneme::Heap>
using LockRequest = CustomRequest<Heap, LockWanted<Heap>>;

template <RawHeap Raw, QueueLock Queue, QueuePolicy Policy>
LockRequest<BasicHeap<Raw, Queue, Policy>> BasicHeap<Raw, Queue, Policy>::lock() noexcept {
  return LockRequest<BasicHeap>(*this);
}

}  // namespace mneme::inline MNEME_SETTINGS
