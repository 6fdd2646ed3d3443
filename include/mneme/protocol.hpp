// purpose: the protocol that joins raw heap, free queue and wait queue: who may do what, and who must look again.
// room: L2; includes L0 and L1.
// threads: each function says what its caller holds; nobody ever waits for the word.
// invariants: P1–P5: each function says how it keeps them.
#pragma once

#include <coroutine>
#include <cstddef>
#include <expected>
#include <span>
#include <type_traits>
#include <utility>

#include "check.hpp"
#include "error.hpp"
#include "free_queue.hpp"
#include "layout.hpp"
#include "lock.hpp"
#include "misuse.hpp"
#include "node.hpp"
#include "raw_heap.hpp"
#include "registry.hpp"
#include "stats.hpp"
#include "wait_queue.hpp"

namespace mneme {

/// The moving parts of a heap, and the only code that touches more than one of them.
///
/// Two locks, and who may wait for them:
/// * The *word* (LockWord) owns the raw heap. Nobody ever waits for it: who cannot take it leaves
/// work behind, and its
///   owner, before it lets go, reclaims what was freed and grants what then fits (settle).
/// * The *short lock* owns the two lists of requests. Requests wait for it when they are queued or
/// withdrawn. The
///   word's owner, which may be a free in an interrupt, only tries it: if it is held, the owner
///   goes home, for whoever holds it is bound to leave work on the word next (edit_lists), and so
///   to have the queue looked at again.
///
/// Wakers are called with the word held and the short lock free. So what a waker asks of the heap
/// is left as work to the one loop that runs already, and wakers that free or cancel do not nest,
/// however many wait.
template <RawHeap Raw, ShortLock Short>
class alignas(checked ? node::mark_space : alignof(void*)) Protocol
    : public std::conditional_t<checked, HeapIdentity, NoIdentity> {
 protected:
  explicit Protocol(std::span<std::byte> region) noexcept : raw_(region) {
    if constexpr (checked) identify(*this);
  }

  /// The block for a layout, if the empty heap could hold it (P6).
  [[nodiscard]] std::expected<BlockLayout, AllocError> admit(Layout layout) const noexcept {
    const auto block_layout = BlockLayout::with_header(layout);
    if (block_layout && !raw_.fits_empty(*block_layout)) {
      return std::unexpected(AllocError::too_large);
    }
    return block_layout;
  }

  /// The first poll of a request. True if it is answered; false if it waits: then a parked
  /// coroutine may already run on another thread, and `waiter` must not be touched again.
  [[nodiscard]] bool start(Waiter& waiter) noexcept {
    const auto block_layout = admit(waiter.layout);
    if (!block_layout) return refuse(waiter, block_layout.error());
    waiter.block_layout = *block_layout;
    if (!word_.take()) {
      bool queued = false;
      edit_lists([&] { queued = enqueue(waiter); });
      return !queued;
    }
    reclaim();
    bool queued = false;
    if (void* const payload = newcomer(*block_layout, waiter.layout.size); payload != nullptr) {
      waiter.payload = payload;
      // (request.direct) relaxed: told to its own thread only; publishes nothing.
      waiter.state.store(RequestState::granted, std::memory_order_relaxed);
    } else {
      // Queued while the word is held: no free can slip in between the failed attempt and this.
      short_.lock();
      queued = enqueue(waiter);
      short_.unlock();
    }
    settle();
    return !queued;
  }

  /// Takes a request back, in any state, by its owner: P5. Waits only for a waker of its own that
  /// is running.
  void withdraw(Waiter& waiter) noexcept {
    RequestState state{};
    edit_lists([&] {
      // (request.withdraw) relaxed: changes under the short lock only; publishes nothing.
      state = waiter.state.load(std::memory_order_relaxed);
      if (state == RequestState::waiting) waiting_.remove(waiter);
      if (std::exchange(waiter.ready, false)) ready_.remove(waiter);
      // (request.cancelled) relaxed: only its owner asks from now on; publishes nothing.
      waiter.state.store(RequestState::cancelled, std::memory_order_relaxed);
    });
    await_waker(waiter);
    if (state != RequestState::closed) counters_.add(Count::cancels);
    if (state == RequestState::granted) {
      release_block(node::block_of(waiter.payload), waiter.block_layout.size);
    }
  }

  /// Returns once the granter has left the waker of `waiter`, which may then be destroyed.
  static void await_waker(const Waiter& waiter) noexcept {
    // (waker.await) acquire: pairs with release (waker.done); the granter's last look is over.
    while (waiter.waking.load(std::memory_order_acquire)) relax();
  }

  /// Replaces whom to tell of the grant: a waker or a parked coroutine. False if the request does
  /// not wait any more.
  [[nodiscard]] bool rearm(Waiter& waiter, Waker waker, std::coroutine_handle<> parked) noexcept {
    bool waits = false;
    edit_lists([&] {
      // (request.rearm) relaxed: changes under the short lock only; publishes nothing.
      waits = waiter.state.load(std::memory_order_relaxed) == RequestState::waiting;
      if (!waits) return;
      waiter.waker = waker;
      waiter.parked = parked;
    });
    return waits;
  }

  /// Begins a round of poll(): what becomes ready from now on belongs to the next one.
  [[nodiscard]] std::size_t next_round() noexcept {
    std::size_t round = 0;
    edit_lists([&] { round = round_++; });
    return round;
  }

  /// Unlinks the oldest coroutine that became ready in `round` or before, for the caller to resume.
  [[nodiscard]] std::coroutine_handle<> next_ready(std::size_t round) noexcept {
    std::coroutine_handle<> parked{};
    edit_lists([&] {
      Waiter* const waiter = ready_.front();
      if (waiter == nullptr || static_cast<std::ptrdiff_t>(round - waiter->round) < 0) return;
      ready_.remove(*waiter);
      waiter->ready = false;
      parked = waiter->parked;
    });
    return parked;
  }

  /// Ends every waiting request with `closed`, oldest first.
  void close_all() noexcept {
    // (closed.set) relaxed: a request that races with it may be granted or closed; the short lock
    // below orders it for all that are queued later. Publishes nothing.
    closed_.store(true, std::memory_order_relaxed);
    do {
      Waiter* woken = nullptr;
      edit_lists([&] {
        Waiter* const head = waiting_.front();
        if (head != nullptr && answer(*head, RequestState::closed, nullptr)) woken = head;
      });
      if (woken != nullptr) wake(*woken);
    } while (waiting_.size() > 0);
  }

  [[nodiscard]] bool closed() const noexcept {
    // (closed.get) relaxed: see (closed.set); publishes nothing.
    return closed_.load(std::memory_order_relaxed);
  }

  /// Gives a block back, now or by the free queue (P4).
  void release_block(std::byte* block, std::size_t size) noexcept {
    counters_.subtract(Count::live);
    if (word_.take()) {
      node::end_live(block, size, this);
      give_back(block, size);
      settle();
    } else {
      push_deferred(block, size);
      if (word_.leave_work()) settle();
    }
  }

  void push_deferred(std::byte* block, std::size_t size) noexcept {
    counters_.add(Count::deferred);
    free_queue_.push(node::begin_freed(block, size));
  }

  /// Word held. Lets go of it, but not before everything that was freed is reclaimed and everything
  /// that then fits is granted: P1. Each turn of the loop was caused by work that somebody left.
  void settle() noexcept {
    do {
      reclaim();
      grant();
    } while (!word_.release());
  }

  /// Word held. Returns the deferred blocks to the raw heap.
  void reclaim() noexcept {
    for (node::FreedNode* freed = free_queue_.drain(); freed != nullptr;) {
      const node::FreedNode node = node::read_freed(freed);
      if constexpr (checked) misuse::check_deferred(*this, freed, node);
      counters_.subtract(Count::deferred);
      give_back(node::block_of_freed(freed), node.size_bytes());
      freed = node.link;
    }
  }

  /// Word held. Memory for somebody who does not queue: nullptr if anybody waits (P2), there is no
  /// room, or closed.
  [[nodiscard]] void* newcomer(BlockLayout block_layout, std::size_t payload_size) noexcept {
    if (waiting_.size() > 0 || closed()) return nullptr;
    return carve(block_layout, payload_size);
  }

  /// Word held. A live block, or nullptr if the raw heap has no room.
  [[nodiscard]] void* carve(BlockLayout block_layout, std::size_t payload_size) noexcept {
    std::byte* const block = raw_.allocate(block_layout);
    if (block == nullptr) return nullptr;
    note_use();
    counters_.add(Count::live);
    counters_.set(Count::grants, counters_.get(Count::grants) + 1);
    return node::begin_live(block, block_layout.size, payload_size, this);
  }

  /// Word held. Keeps the statistics of use.
  void note_use() noexcept {
    if constexpr (Stats::enabled) {
      const std::size_t used = raw_.capacity_bytes() - raw_.free_bytes();
      counters_.set(Count::used_bytes, used);
      if (used > counters_.get(Count::peak_bytes)) counters_.set(Count::peak_bytes, used);
    }
  }

  /// Word not held, or held by the caller's caller: changes the lists, then leaves work, which the
  /// granter that met the held short lock relies on.
  template <class F>
  void edit_lists(F edit) noexcept {
    short_.lock();
    edit();
    short_.unlock();
    if (word_.leave_work()) settle();
  }

  Raw raw_;
  LockWord word_;
  Short short_;
  FreeQueue free_queue_;
  WaitList waiting_;       // requests without memory, in order of arrival
  WaitList ready_;         // coroutines with memory, to be resumed by poll()
  std::size_t round_ = 0;  // of poll(); under the short lock
  Atomic<bool> closed_{false};
  [[no_unique_address]] mutable CounterSet counters_;

 private:
  /// Word held. Grants the oldest waiting request for as long as it fits: FIFO (P2), by direct
  /// hand-off (P3).
  void grant() noexcept {
    while (waiting_.size() > 0 && !closed() && short_.try_lock()) {
      Waiter* const head = waiting_.front();
      void* payload = nullptr;
      if (head != nullptr) payload = carve(head->block_layout, head->layout.size);
      const bool must_wake = payload != nullptr && answer(*head, RequestState::granted, payload);
      short_.unlock();
      if (payload == nullptr) return;
      if (must_wake) wake(*head);
    }
  }

  // A template, so that it is nothing in unchecked builds, whose heaps have no identity.
  template <class Self>
  static void identify(Self& self) noexcept {
    self.base = self.raw_.base();
    self.size_bytes = self.raw_.capacity_bytes();
    self.is_free = [](const HeapIdentity& identity, std::size_t offset) noexcept {
      return static_cast<const Self&>(identity).raw_.is_free(offset);
    };
  }

  void give_back(std::byte* block, std::size_t size) noexcept {
    [[maybe_unused]] const bool was_block = raw_.deallocate(block, size);
    if constexpr (checked) {
      if (!was_block) misuse::report_refused(*this, block, size);
    }
    note_use();
  }

  /// Short lock held. False if the heap is closed, and the request with it.
  [[nodiscard]] bool enqueue(Waiter& waiter) noexcept {
    const bool queued = !closed();
    // (request.queued) relaxed: the short lock publishes it; publishes nothing by itself.
    waiter.state.store(queued ? RequestState::waiting : RequestState::closed,
                       std::memory_order_relaxed);
    if (queued) waiting_.push_back(waiter);
    counters_.add(queued ? Count::waits : Count::refusals);
    return queued;
  }

  /// Short lock held. Ends the wait of a queued request. True if its waker is to be called, by
  /// wake(), once the short lock is free. Else this was the last look at the request: its owner may
  /// destroy it at once. Inside a critical section, which nests, the waker is called here: so on
  /// one core nobody can meet a request whose waker is half done, and spin for it.
  [[nodiscard]] bool answer(Waiter& waiter, RequestState state, void* payload) noexcept {
    waiting_.remove(waiter);
    waiter.payload = payload;
    const Waker waker = waiter.waker;
    if (!waker && waiter.parked) {
      ready_.push_back(waiter);
      waiter.ready = true;
      waiter.round = round_;
    }
    const bool must_wake = waker && !lock_nests<Short>;
    // (waker.begin) relaxed: (request.answer) publishes it; publishes nothing by itself.
    waiter.waking.store(must_wake, std::memory_order_relaxed);
    // (request.answer) release: pairs with acquire (request.poll), (request.repoll),
    // (request.done), (request.resume), (request.reserved); publishes payload and block.
    waiter.state.store(state, std::memory_order_release);
    if (waker && lock_nests<Short>) waker.wake(waker.context);
    return must_wake;
  }

  static void wake(Waiter& waiter) noexcept {
    const Waker waker = waiter.waker;
    waker.wake(waker.context);
    // (waker.done) release: pairs with acquire (waker.await); ends the look at the request.
    waiter.waking.store(false, std::memory_order_release);
  }

  [[nodiscard]] bool refuse(Waiter& waiter, AllocError error) noexcept {
    counters_.add(Count::refusals);
    waiter.error = error;
    // (request.refused) relaxed: told to its own thread only; publishes nothing.
    waiter.state.store(RequestState::refused, std::memory_order_relaxed);
    return true;
  }
};

}  // namespace mneme
