// purpose: a queue in which a request that fits may pass waiters, each of them a few times at most.
// layer: L2; includes L0 and L1.
// threads: as Fifo: protected by the queue lock, but for size().
// invariants: P2: each waiter is passed at most N times; a grant tries at most 17 waiters.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../wait_queue.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// Bounded overtaking, with a bound that is a value; Overtaking<N> has it in its type.
class OvertakingQueue : public WaitList {
 public:
  [[nodiscard]] static constexpr bool is_fifo() noexcept { return false; }
  /// How many waiters behind the head a grant looks at.
  static constexpr std::size_t reach = 16;

  explicit constexpr OvertakingQueue(std::uint16_t bound) noexcept : bound_(bound) {}

  template <class Take>
  [[nodiscard]] Waiter* choose(Take take) noexcept {
    Waiter* chosen = front();
    std::size_t passed = 0;
    while (chosen != nullptr && !take(*chosen)) {
      chosen = chosen->rank < bound_ && passed < reach ? chosen->next : nullptr;
      ++passed;
    }
    if (chosen == nullptr) return nullptr;
    // The rank of a waiter is how often it was passed.
    for (Waiter* each = front(); each != chosen; each = each->next) ++each->rank;
    return chosen;
  }

 private:
  std::uint16_t bound_;
};

/// At most `bound` requests pass in front of any one waiter; 0 is FIFO.
///
///     mneme::BasicHeap<mneme::DefaultRaw, mneme::SpinLock, mneme::Overtaking<2>> heap(region);
///
/// P2 is: *whenever something may have changed, the oldest waiter that fits is granted, of those
/// that may pass all older ones: each waiter is passed at most `bound` times, and a grant looks at
/// no more than 16 waiters behind the head.* Once a waiter was passed that often, nothing behind it
/// is granted first: so a stream of small requests cannot starve it. But a request that passes
/// holds memory: tasks that hold and wait may deadlock in an order that FIFO serves. A request that
/// begins while others wait may pass them in the same way. A request for the lock fits always.
/// `try_` functions fail while any request waits. P1 holds for each waiter that may be granted,
/// P3–P5 are as with FIFO. Not P14: a grant tries up to 17 waiters, and each of them may search the
/// raw heap.
template <std::uint16_t bound>
class Overtaking : public OvertakingQueue {
 public:
  constexpr Overtaking() noexcept : OvertakingQueue(bound) {}
};

}  // namespace mneme::inline MNEME_SETTINGS
