// purpose: the heap's two locks: a word that is only tried, and a short lock for the requests.
// room: L1; includes L0.
// threads: any, interrupts too; see each member.
// invariants: P1 (work left while the word is locked is seen by its owner before it lets go), P4.
#pragma once

#include <concepts>

#include "atomic.hpp"

namespace mneme {

/// The heap's lock: one word, tried and never waited for. Whoever fails to take it leaves work and
/// goes on.
///
///     idle                 nobody owns the heap, nothing is known to be left to do
///     locked               one owner; only it may touch the raw heap
///     locked + work_left   as before, and the owner must look again before it lets go
///     work_left            nobody owns the heap, but defer() was called: the next owner looks
///
/// Why nothing is stranded: all transitions are read-modify-writes of this one word, so they have a
/// single order. Work that is left before the owner's release makes that release fail, and
/// the owner looks again; work that is left after it finds the word idle, and whoever left it
/// becomes the owner; but for defer(), which promises no more than that the next owner looks. Every
/// transition takes part in one release sequence, so the acquiring one sees what all the earlier
/// ones published; that is why hand-over needs no sequential consistency, and why none of them may
/// become a plain store.
class LockWord {
 public:
  /// Tries to become the owner. Wait-free: one read-modify-write.
  [[nodiscard]] bool take() noexcept {
    // (word.take) acquire: pairs with release (word.release); sees the raw heap as its last owner
    // left it.
    return (state_.fetch_or(locked, std::memory_order_acquire) & locked) == 0;
  }

  /// Says that there is something to do. Returns true if the caller became the owner and must do
  /// it; else the present owner will. Wait-free.
  [[nodiscard]] bool leave_work() noexcept {
    // (word.leave) release: pairs with acquire (word.look); publishes what was pushed or queued.
    // Who becomes the owner by it looks next, and so sees the raw heap.
    if ((state_.fetch_or(locked | work_left, std::memory_order_release) & locked) != 0)
      return false;
    look();
    return true;
  }

  /// Says that there is something to do, and leaves it to whoever owns the heap now or next.
  /// Wait-free.
  void defer() noexcept {
    // (word.defer) release: pairs with acquire (word.look); publishes the deferred block.
    state_.fetch_or(work_left, std::memory_order_release);
  }

  /// Owner only. Lets go and returns true; or, if work was left meanwhile, keeps the lock, takes
  /// note of the work and returns false: the owner has to look again. Wait-free.
  [[nodiscard]] bool release() noexcept {
    unsigned expected = locked;
    // (word.release) release: pairs with acquire (word.take), with acquire (word.look); publishes
    // the raw heap. (word.peek) relaxed: the failed attempt publishes nothing and reads nothing;
    // (word.look) does.
    if (state_.compare_exchange_strong(expected, idle, std::memory_order_release,
                                       std::memory_order_relaxed)) {
      return true;
    }
    look();
    return false;
  }

  /// Whether somebody owns the heap just now; for statistics and messages.
  [[nodiscard]] bool is_locked() const noexcept {
    // (word.ask) relaxed: a hint, which publishes nothing and guards nothing.
    return (state_.load(std::memory_order_relaxed) & locked) != 0;
  }

 private:
  /// Owner only: takes note of the work, which it does next.
  void look() noexcept {
    // (word.look) acquire: pairs with release (word.leave), with release (word.defer), with release
    // (word.release); sees the work that was left, and the raw heap as its last owner left it.
    state_.fetch_and(~work_left, std::memory_order_acquire);
  }

  static constexpr unsigned idle = 0;
  static constexpr unsigned locked = 1;
  static constexpr unsigned work_left = 2;

  Atomic<unsigned> state_{idle};
};

/// A lock for short work, at most a grant's search of the raw heap: what SpinLock is on a system
/// with many cores, and a critical section (disable interrupts, restore them) on one with a single
/// core. `try_lock` must not wait.
template <class L>
concept ShortLock = requires(L& lock) {
  { lock.lock() } noexcept;
  { lock.try_lock() } noexcept -> std::same_as<bool>;
  { lock.unlock() } noexcept;
};

/// Whether a short lock says `nests = true`: its holder may take it again, and nobody else runs on
/// this core meanwhile, as in a critical section that saves and restores. Wakers are then called
/// inside of it.
template <class L>
inline constexpr bool lock_nests = requires { requires L::nests; };

/// The short lock for systems with several cores, where its holder always runs on. Where a task can
/// be stopped by a more urgent one on the same core, use a critical section instead.
class SpinLock {
 public:
  [[nodiscard]] bool try_lock() noexcept {
    // (spin.lock) acquire: pairs with release (spin.unlock); sees the queues as the last holder
    // left them.
    return !held_.exchange(true, std::memory_order_acquire);
  }
  void lock() noexcept {
    while (!try_lock()) relax();
  }
  void unlock() noexcept {
    // (spin.unlock) release: pairs with acquire (spin.lock); publishes the queues.
    held_.store(false, std::memory_order_release);
  }

 private:
  Atomic<bool> held_{false};
};

static_assert(ShortLock<SpinLock>);

}  // namespace mneme
