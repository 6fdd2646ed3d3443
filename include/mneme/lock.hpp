// purpose: the heap's two locks: a word that is only tried, and a queue lock for the requests.
// layer: L1; includes L0.
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
///     locked + has_work   as before, and the owner must look again before it lets go
///     has_work            nobody owns the heap, but post_work() was called: the next owner looks
///
/// Why nothing is stranded: all transitions are read-modify-writes of this one word, so they have a
/// single order. Work that is left before the owner's release makes that release fail, and
/// the owner looks again; work that is left after it finds the word idle, and whoever left it
/// becomes the owner; but for post_work(), which promises no more than that the next owner looks.
/// Every transition takes part in one release sequence, so the acquiring one sees what all the
/// earlier ones published; that is why hand-over needs no sequential consistency, and why none of
/// them may become a plain store.
class LockWord {
 public:
  /// Tries to become the owner. Wait-free: one read-modify-write.
  [[nodiscard]] bool try_acquire() noexcept {
    // (lock.acquire) acquire: pairs with release (lock.release); sees the raw heap as its last
    // owner left it.
    return (state_.fetch_or(locked, std::memory_order_acquire) & locked) == 0;
  }

  /// Says that there is something to do. Returns true if the caller became the owner and must do
  /// it; else the present owner will. Wait-free.
  [[nodiscard]] bool post_work_or_acquire() noexcept {
    // (lock.post_or_acquire) release: pairs with acquire (lock.clear_work); publishes what was
    // pushed or queued. Who becomes the owner by it looks next, and so sees the raw heap.
    if ((state_.fetch_or(locked | has_work, std::memory_order_release) & locked) != 0) return false;
    clear_work_flag();
    return true;
  }

  /// Says that there is something to do, and leaves it to whoever owns the heap now or next.
  /// Wait-free.
  void post_work() noexcept {
    // (lock.post) release: pairs with acquire (lock.clear_work); publishes the deferred block.
    state_.fetch_or(has_work, std::memory_order_release);
  }

  /// Owner only. Lets go and returns true; or, if work was left meanwhile, keeps the lock, takes
  /// note of the work and returns false: the owner has to look again. Wait-free.
  [[nodiscard]] bool try_release() noexcept {
    unsigned expected = locked;
    // (lock.release) release: pairs with acquire (lock.acquire), with acquire (lock.clear_work);
    // publishes the raw heap. (lock.release_failed) relaxed: the failed attempt publishes nothing
    // and reads nothing; (lock.clear_work) does.
    if (state_.compare_exchange_strong(expected, idle, std::memory_order_release,
                                       std::memory_order_relaxed)) {
      return true;
    }
    clear_work_flag();
    return false;
  }

  /// Whether somebody owns the heap just now; for statistics and messages.
  [[nodiscard]] bool is_locked() const noexcept {
    // (lock.is_locked) relaxed: a hint, which publishes nothing and guards nothing.
    return (state_.load(std::memory_order_relaxed) & locked) != 0;
  }

 private:
  /// Owner only: takes note of the work, which it does next.
  void clear_work_flag() noexcept {
    // (lock.clear_work) acquire: pairs with release (lock.post_or_acquire), with release
    // (lock.post), with release (lock.release); sees the work that was left, and the raw heap as
    // its last owner left it.
    state_.fetch_and(~has_work, std::memory_order_acquire);
  }

  static constexpr unsigned idle = 0;
  static constexpr unsigned locked = 1;
  static constexpr unsigned has_work = 2;

  Atomic<unsigned> state_{idle};
};

/// A lock for short work, at most a grant's search of the raw heap: what SpinLock is on a system
/// with many cores, and a critical section (disable interrupts, restore them) on one with a single
/// core. `try_lock` must not wait.
template <class L>
concept QueueLock = requires(L& lock) {
  { lock.lock() } noexcept;
  { lock.try_lock() } noexcept -> std::same_as<bool>;
  { lock.unlock() } noexcept;
};

/// Whether a queue lock says `reentrant = true`: its holder may take it again, and nobody else runs
/// on this core meanwhile, as in a critical section that saves and restores. Wakers are then called
/// inside of it.
template <class L>
inline constexpr bool is_reentrant = requires { requires L::reentrant; };

/// The queue lock for systems with several cores, where its holder always runs on. Where a task can
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

static_assert(QueueLock<SpinLock>);

}  // namespace mneme
