// purpose: the heap's two locks: one that is only ever try-locked, and one for its requests.
// layer: L1; includes L0.
// threads: any, interrupts too; see each member.
// invariants: P1 (the owner sees all work that was posted before it unlocks), P4.
#pragma once

#include <concepts>

#include "atomic.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// The heap lock: one atomic word, which callers try to lock and never wait for. A caller that
/// cannot acquire it posts its work and goes on.
///
///     idle                 not locked, no work posted
///     locked               one owner; only it may touch the raw heap
///     locked + has_work    the same, and the owner must do the posted work before it unlocks
///     has_work             not locked; post_work() left work for the next owner
///
/// Why no work is lost: all transitions are read-modify-writes of this one word, so they have a
/// single order. If work is posted before the owner releases the lock, the release fails, and the
/// owner does the work. If it is posted afterwards, the lock is free, and the poster becomes the
/// owner; except with post_work(), which only promises that the next owner does it. Every
/// transition is part of one release sequence, so an acquire sees all that earlier transitions
/// published. Hence the hand-over needs no sequential consistency, and no transition may become a
/// plain store.
class LockWord {
 public:
  /// Tries to acquire the lock. Wait-free: one read-modify-write.
  [[nodiscard]] bool try_acquire() noexcept {
    // (lock.acquire) acquire: pairs with release (lock.release); sees the raw heap as its last
    // owner left it.
    return (state_.fetch_or(locked, std::memory_order_acquire) & locked) == 0;
  }

  /// Posts work. Returns true if the caller acquired the lock and must do the work; otherwise the
  /// current owner will. Wait-free.
  [[nodiscard]] bool post_work_or_acquire() noexcept {
    // (lock.post_or_acquire) release: pairs with acquire (lock.clear_work); publishes what was
    // pushed or queued. A caller that acquired the lock clears the flag next, and so sees the raw
    // heap.
    if ((state_.fetch_or(locked | has_work, std::memory_order_release) & locked) != 0) return false;
    clear_work_flag();
    return true;
  }

  /// Posts work for the current or the next owner. Wait-free.
  void post_work() noexcept {
    // (lock.post) release: pairs with acquire (lock.clear_work); publishes the deferred block.
    state_.fetch_or(has_work, std::memory_order_release);
  }

  /// Owner only. Unlocks and returns true; or, if work was posted meanwhile, clears the flag, keeps
  /// the lock and returns false: the owner must do that work first. Wait-free.
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

  /// Whether the heap is locked at this moment; for statistics and messages.
  [[nodiscard]] bool is_locked() const noexcept {
    // (lock.is_locked) relaxed: a hint, which publishes nothing and guards nothing.
    return (state_.load(std::memory_order_relaxed) & locked) != 0;
  }

 private:
  /// Owner only, before it does the posted work.
  void clear_work_flag() noexcept {
    // (lock.clear_work) acquire: pairs with release (lock.post_or_acquire), with release
    // (lock.post), with release (lock.release); sees the posted work, and the raw heap as its last
    // owner left it.
    state_.fetch_and(~has_work, std::memory_order_acquire);
  }

  static constexpr unsigned idle = 0;
  static constexpr unsigned locked = 1;
  static constexpr unsigned has_work = 2;

  Atomic<unsigned> state_{idle};
};

/// The type of a queue lock: SpinLock for several cores, a critical section (mask interrupts, then
/// restore them) for a single core. It is held at most for the time of one grant, which searches
/// the raw heap. `try_lock` must not wait.
template <class Lock>
concept QueueLock = requires(Lock& lock) {
  { lock.lock() } noexcept;
  { lock.try_lock() } noexcept -> std::same_as<bool>;
  { lock.unlock() } noexcept;
};

/// Whether a queue lock declares `reentrant = true`: its holder may lock it again, and no other
/// code runs on this core while it is held, as in a critical section that saves and restores the
/// interrupt mask. Wakers are then called while it is held.
template <class Lock>
inline constexpr bool is_reentrant = requires { requires Lock::reentrant; };

/// The queue lock for several cores. If a task of higher priority can preempt the holder and then
/// spin on the same core, use a critical section instead.
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

}  // namespace mneme::inline MNEME_SETTINGS
