// purpose: how frees, requests and the lock owner hand work to each other so no wakeup is lost.
// layer: L2; includes L0 and L1.
// threads: each function names the locks its caller holds; the heap lock is never waited for.
// invariants: P1–P5; each function says how it contributes.
#pragma once

#include <cstddef>

#include "check.hpp"
#include "error.hpp"
#include "free_queue.hpp"
#include "layout.hpp"
#include "live_blocks.hpp"
#include "lock.hpp"
#include "misuse.hpp"
#include "node.hpp"
#include "raw_heap.hpp"
#include "request_lists.hpp"
#include "stats.hpp"
#include "wait_queue.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// A heap's locks, queues and blocks, and the only code that uses several of them together.
///
/// It has two locks:
/// * The *heap lock* (LockWord) protects the raw heap. It is only ever try-locked: a caller that
///   cannot take it queues its work and sets the work flag, and the owner does that work before it
///   unlocks (settle).
/// * The *queue lock* protects the lists of requests. Callers that queue or cancel a request wait
///   for it. The owner of the heap lock, which may be a free in an interrupt, only try-locks it.
///   On failure it skips granting: the current holder always posts work after unlocking, which
///   reruns the grant loop (with_requests_then_settle). A grant searches the raw heap with the
///   queue lock held: on a single core, interrupts are masked for that long.
///
/// Wakers are called without the queue lock, unless that is reentrant, by two loops: after a grant
/// by the owner of the heap lock (grant), and after a close or a cancel by its caller
/// (call_due_wakers). Each loop runs one waker at a time. If a waker calls the heap, its work is
/// posted for the loop that is already running; so wakers do not recurse, however many requests
/// wait. Once a loop has begun to call a waker it does not touch its request again, which the waker
/// may destroy.
template <RawHeap Raw, QueueLock Queue, QueuePolicy Policy = Fifo>
class HeapCore : public LiveBlocks<Raw> {
  using Blocks = LiveBlocks<Raw>;

 protected:
  using Blocks::Blocks;

  /// Allocates at once, without a request. nullptr if the heap is locked, if there is no room, if
  /// any request waits (P2), or if the heap is closed; start() tells these cases apart. Sizes and
  /// alignment are those of BlockLayout::with_header.
  [[nodiscard, gnu::noinline]] void* allocate_now(std::size_t block_size, std::size_t align,
                                                  std::size_t payload_size) noexcept {
    if (!lock_.try_acquire()) [[unlikely]]
      return nullptr;
    if (has_work_or_is_closed()) [[unlikely]]
      return reclaim_and_allocate(block_size, align, payload_size);
    void* const payload = this->take_quickly({block_size, align, word_bytes}, payload_size);
    if (payload == nullptr) return take_and_release(block_size, align, payload_size);
    return release_with(payload);
  }

  /// The payload for the first poll of a request, if that can be granted at once. Otherwise
  /// nullptr, and nothing has happened.
  [[nodiscard]] MNEME_HOT void* allocate_unless_waiting(Layout layout) noexcept {
    const auto block_layout = BlockLayout::with_header(layout);
    // If others wait, it must queue. allocate_now checks that again under the heap lock.
    if (!block_layout || requests_.waiting() > 0) [[unlikely]]
      return nullptr;
    return allocate_now(block_layout->size, block_layout->align, layout.size);
  }

  /// The first poll of a request. Returns true if it is complete. False if it was queued: then its
  /// coroutine may already run on another thread, so `waiter` must not be touched again.
  [[nodiscard, gnu::noinline]] bool start(Waiter& waiter) noexcept {
    const auto block_layout = this->check_layout(waiter.layout);
    if (!block_layout && !waiter.is_custom) return refuse(waiter, block_layout.error());
    bool queued = false;
    if (!lock_.try_acquire()) {
      with_requests_then_settle([&] { queued = enqueue(waiter); });
      return !queued;
    }
    reclaim();
    void* const payload = has_work_or_is_closed() ? nullptr : take_wanted(waiter);
    if (payload != nullptr) {
      waiter.payload = payload;
      // (request.start) relaxed: read only by the requesting thread; publishes nothing.
      waiter.state.store(RequestState::granted, std::memory_order_relaxed);
      if (is_lent()) return lend_at_once();
    } else {
      // Queued with the heap lock held, so that no free can come between the failed attempt and
      // this.
      requests_.lock_queue();
      queued = enqueue(waiter);
      requests_.unlock_queue();
    }
    // If anything was reclaimed, the thread that freed it has posted work, or is about to: so with
    // FIFO a failed release is the only reason to settle. Elsewhere the newcomer may be granted.
    if (!requests_.queue().is_fifo() || !lock_.try_release()) settle();
    return !queued;
  }

  /// Cancels a request in any state (P5). `is_destroyed`: its owner is about to destroy it.
  /// Otherwise a coroutine that awaits it may at once run on another thread, and destroy it.
  void cancel(Waiter& waiter, bool is_destroyed) noexcept {
    RequestState state{};
    std::byte* block = nullptr;
    std::size_t block_size = 0;
    bool is_awaited = false;
    bool has_lock = false;
    with_requests_then_settle([&] {
      is_awaited = !is_destroyed && waiter.continuation;
      state = requests_.cancel(waiter, is_destroyed);
      if (state == RequestState::waiting)
        report_event(this->raw_, Event::cancelled, &waiter, nullptr);
      if (state != RequestState::granted) return;
      if (waiter.is_custom) {
        auto& custom = *static_cast<CustomWaiter*>(waiter.payload);
        has_lock = custom.undo(custom);
        return;
      }
      block = node::block_of(waiter.payload);
      block_size = BlockLayout::size_with_header(waiter.layout.size);
      this->counters_.add(Count::freed_bytes, waiter.layout.size);
    });
    if (state == RequestState::waiting || state == RequestState::granted) {
      this->counters_.add(Count::cancels);
    }
    if (block != nullptr) release_block(block, block_size);
    if (has_lock) return_lent_lock();
    if (is_awaited) call_due_wakers();
    requests_.await_waker(waiter);
  }

  /// Completes every waiting request with `closed`, oldest first.
  void close_all(std::size_t reason) noexcept {
    requests_.close(reason);
    do {
      with_requests_then_settle([&] {
        Waiter* const head = requests_.head();
        if (head != nullptr) report_event(this->raw_, Event::cancelled, head, nullptr);
        if (head != nullptr) (void)requests_.complete(*head, RequestState::closed, nullptr);
      });
    } while (requests_.waiting() > 0);
    call_due_wakers();
  }

  /// Calls the wakers of closed and cancelled requests, oldest first. If a call of this function is
  /// already running, maybe further up the call stack, it leaves them to that.
  void call_due_wakers() noexcept {
    bool is_due = true;
    while (is_due) {
      with_requests_then_settle([&] {
        is_due = requests_.begin_due();
        if (is_due && is_reentrant<Queue>) requests_.run_due();
      });
      if (is_due && !is_reentrant<Queue>) requests_.run_due();
    }
  }

  /// Frees a block, at once or through the free queue (P4).
  void release_block(std::byte* block, std::size_t size) noexcept {
    if (!lock_.try_acquire()) [[unlikely]]
      return defer_block(block, size);
    report_event(this->raw_, Event::freed, block, size);
    node::end_live(block, size);
    this->counters_.increment(Count::freed);
    if (!this->give_quickly(block, size)) [[unlikely]]
      return give_and_release(block, size);
    release_after_free();
  }

  /// Frees a block while the heap is locked: its owner will reclaim it.
  [[gnu::noinline]] void defer_block(std::byte* block, std::size_t size) noexcept {
    push_deferred(block, size);
    if (lock_.post_work_or_acquire()) settle();
  }

  /// Leaves a block to the current or the next owner of the heap lock.
  [[gnu::noinline]] void push_and_post(std::byte* block, std::size_t size) noexcept {
    push_deferred(block, size);
    lock_.post_work();
  }

  void push_deferred(std::byte* block, std::size_t size) noexcept {
    this->counters_.add(Count::pushed);
    report_event(this->raw_, Event::freed, block, size);
    if constexpr (checks_enabled) {
      if ((header::set(block, header::deferred) & header::deferred) != 0) [[unlikely]]
        misuse::report_again(*this, block + word_bytes);
    }
    free_queue_.push(node::make_freed(block, size));
  }

  /// Whether the heap is locked, or has live blocks or requests.
  [[nodiscard]] bool is_in_use() noexcept {
    if (!lock_.try_acquire()) return true;
    reclaim();
    const bool has_blocks = this->raw_.free_bytes() != this->raw_.capacity_bytes();
    const bool has_requests = requests_.waiting() + requests_.ready() > 0 || requests_.is_waking();
    settle();
    return has_blocks || has_requests;
  }

  /// Heap lock held, and released, or handed to a request for it. Reclaims all deferred blocks, and
  /// grants the requests that then fit (P1). The loop repeats only if work was posted meanwhile.
  [[gnu::noinline]] void settle() noexcept {
    do {
      if (free_queue_.peek() != 0) reclaim();
      if (!grant()) return;
    } while (!lock_.try_release());
  }

  /// Heap lock held. Lends it to the request that is being granted. Until both are done, the lock
  /// is shared: the guard of the request may use the raw heap, and this caller only calls the
  /// request's waker. The second of them to finish settles and unlocks.
  void lend_lock() noexcept {
    // (lent.set) relaxed: the caller owns the lock; publishes nothing.
    is_lent_.store(true, std::memory_order_relaxed);
  }
  /// Ends a guard.
  void return_lent_lock() noexcept {
    if (is_last_with_lock()) settle();
  }

  /// Heap lock held. Returns the deferred blocks to the raw heap.
  [[gnu::noinline]] void reclaim() noexcept {
    for (node::FreedNode* freed = free_queue_.drain(); freed != nullptr;) {
      const node::Freed read = node::load_freed(freed);
      if constexpr (checks_enabled) misuse::check_deferred(*this, freed, read);
      if constexpr (is_hardened) node::wipe_freed(freed, read.size);
      this->counters_.increment(Count::reclaimed);
      std::byte* const block = node::block_of_freed(freed);
      if (!this->give_quickly(block, read.size)) this->give(block, read.size);
      freed = read.link;
    }
  }

  /// Heap lock not held, or held further up the call stack. Calls `edit` under the queue lock, then
  /// posts work, as an owner of the heap lock that found the queue lock held relies on that.
  template <class F>
  void with_requests_then_settle(F edit) noexcept {
    requests_.lock_queue();
    edit();
    unlock_queue_then_settle();
  }

  [[nodiscard]] bool refuse(Waiter& waiter, AllocError error) noexcept {
    this->counters_.add(Count::refusals);
    waiter.epoch_or_error = static_cast<std::size_t>(error);
    // (request.refused) relaxed: read only by the requesting thread; publishes nothing.
    waiter.state.store(RequestState::refused, std::memory_order_relaxed);
    return true;
  }

  /// One block, or what a custom request wants; heap lock held. The payload, or nullptr if there is
  /// no room yet.
  [[nodiscard]] void* take_wanted(Waiter& waiter) noexcept {
    if (!waiter.is_custom) [[likely]] {
      return this->take_or_note(*BlockLayout::with_header(waiter.layout), waiter.layout.size);
    }
    auto& custom = *static_cast<CustomWaiter*>(waiter.payload);
    return custom.take(custom) ? &custom : nullptr;
  }

  LockWord lock_;
  FreeQueue free_queue_;
  RequestLists<Queue, Policy> requests_;

 private:
  [[nodiscard]] bool is_lent() const noexcept {
    // (lent.get) relaxed: the caller owns the lock, and only it lends; publishes nothing.
    return is_lent_.load(std::memory_order_relaxed);
  }
  /// Called by the guard and by the granter, each when it no longer needs the lock that was lent.
  /// Returns false to the first, and true to the second, which must settle and unlock; also true
  /// if the lock was not lent.
  [[nodiscard]] bool is_last_with_lock() noexcept {
    // (lent.end) acq_rel: pairs with acq_rel (lent.end); the second caller sees the raw heap as
    // the guard left it, and that the waker has returned.
    return !is_lent_.exchange(false, std::memory_order_acq_rel);
  }
  /// Heap lock held. Passes it to a guard without calling a waker, so the guard alone has the lock.
  [[nodiscard, gnu::noinline]] bool lend_at_once() noexcept {
    // (lent.at_once) relaxed: only this thread has the lock; publishes nothing.
    is_lent_.store(false, std::memory_order_relaxed);
    return true;
  }

  /// Queue lock held, and released. Out of line, as it is part of every change of the lists.
  [[gnu::noinline]] void unlock_queue_then_settle() noexcept {
    requests_.unlock_queue();
    if (lock_.post_work_or_acquire()) settle();
  }

  /// Heap lock held. False if a new request can be granted without regard to anything else. The
  /// heap lock has synchronised the owner with all that these loads must not miss.
  [[nodiscard]] bool has_work_or_is_closed() const noexcept {
    return (free_queue_.peek() | requests_.waiting() | requests_.closed()) != 0;
  }

  /// Heap lock held, and released. The rest of allocate_now, if its fast path failed.
  [[nodiscard, gnu::noinline]] void* take_and_release(std::size_t block_size, std::size_t align,
                                                      std::size_t payload_size) noexcept {
    return release_with(this->take({block_size, align, word_bytes}, payload_size));
  }
  /// The same, if blocks were deferred, a request waits, or the heap is closed.
  [[nodiscard, gnu::noinline]] void* reclaim_and_allocate(std::size_t block_size, std::size_t align,
                                                          std::size_t payload_size) noexcept {
    reclaim();
    if (has_work_or_is_closed()) return release_with(nullptr);
    return take_and_release(block_size, align, payload_size);
  }

  /// Heap lock held, and released. A thread that pushed or queued anything meanwhile has posted
  /// work, which makes the release fail. Returns its argument.
  [[nodiscard]] void* release_with(void* payload) noexcept {
    return lock_.try_release() ? payload : settle_with(payload);
  }
  [[nodiscard, gnu::noinline]] void* settle_with(void* payload) noexcept {
    settle();
    return payload;
  }

  /// Heap lock held, and released. The rest of release_block, if its fast path failed.
  [[gnu::noinline]] void give_and_release(std::byte* block, std::size_t size) noexcept {
    this->give(block, size);
    release_after_free();
  }

  /// Heap lock held, and released. If no request waits, there is nothing to grant; a thread that
  /// queues one meanwhile posts work.
  void release_after_free() noexcept {
    if (requests_.waiting() > 0 || !lock_.try_release()) [[unlikely]]
      settle();
  }

  /// Heap lock held. Grants waiting requests in the order of the policy (P2), until none that may
  /// be granted fits: direct hand-off (P3). Returns false if the heap lock now is a guard's.
  [[nodiscard]] bool grant() noexcept {
    while (requests_.waiting() > 0 && requests_.try_lock_queue()) {
      void* payload = nullptr;
      const auto take = [&](Waiter& waiter) noexcept {
        payload = take_wanted(waiter);
        return payload != nullptr;
      };
      // closed() is read under the queue lock: none is granted once close() has completed another.
      Waiter* const chosen = requests_.closed() != 0 ? nullptr : requests_.queue().choose(take);
      const bool lends = chosen != nullptr && is_lent();
      if (chosen != nullptr) report_event(this->raw_, Event::granted, chosen, payload);
      const bool wakes =
          chosen != nullptr && requests_.complete(*chosen, RequestState::granted, payload);
      wakes ? requests_.unlock_then_wake() : requests_.unlock_queue();
      if (chosen == nullptr) return true;
      if (lends && !is_last_with_lock()) return false;
    }
    return true;
  }

  /// Queue lock held.
  [[nodiscard]] bool enqueue(Waiter& waiter) noexcept {
    const bool queued = requests_.enqueue(waiter);
    this->counters_.add(queued ? Count::waits : Count::refusals);
    if (queued) report_event(this->raw_, Event::waits, &waiter, waiter.layout);
    return queued;
  }

  Atomic<bool> is_lent_{false};  // the heap lock is shared by a guard and its granter
};

}  // namespace mneme::inline MNEME_SETTINGS
