// purpose: the protocol that joins raw heap, free queue and requests: who must look again, when.
// layer: L2; includes L0 and L1.
// threads: each function says what its caller holds; nobody ever waits for the word.
// invariants: P1–P5: each function says how it keeps them.
#pragma once

#include <cstddef>
#include <expected>
#include <span>
#include <type_traits>

#include "check.hpp"
#include "error.hpp"
#include "free_queue.hpp"
#include "layout.hpp"
#include "lock.hpp"
#include "misuse.hpp"
#include "node.hpp"
#include "raw_heap.hpp"
#include "registry.hpp"
#include "request_lists.hpp"
#include "stats.hpp"
#include "wait_queue.hpp"

namespace mneme {

/// The moving parts of a heap, and the only code that touches more than one of them.
///
/// Two locks, and who may wait for them:
/// * The *word* (LockWord) owns the raw heap. Nobody ever waits for it: who cannot take it leaves
///   work behind, and its owner, before it lets go, reclaims what was freed and grants what then
///   fits (settle).
/// * The *queue lock* owns the two lists of requests. Requests wait for it when they are queued or
///   withdrawn. The word's owner, which may be a free in an interrupt, only tries it: if it is
///   held, the owner goes home, for whoever holds it is bound to leave work on the word next
///   (with_requests_then_settle), and so to have the queue looked at again. A grant searches the
///   raw heap with it held, O(holes) of first-fit: on one core, that long interrupts may be closed.
///
/// Wakers are called with the word held and the queue lock free. So what a waker asks of the heap
/// is left as work to the one loop that runs already, and wakers that free or cancel do not nest,
/// however many wait.
template <RawHeap Raw, QueueLock Queue>
class alignas(checks_enabled ? node::tag_space : alignof(void*)) HeapCore
    : public std::conditional_t<checks_enabled, HeapRecord, NoRecord> {
 protected:
  explicit HeapCore(std::span<std::byte> region) noexcept : raw_(region) {
    if constexpr (checks_enabled) identify(*this);
  }

  /// The block for a layout, if the empty heap could hold it (P6).
  [[nodiscard]] std::expected<BlockLayout, AllocError> check_layout(Layout layout) const noexcept {
    const auto block_layout = BlockLayout::with_header(layout);
    if (block_layout && !raw_.fits_empty(*block_layout)) {
      return std::unexpected(AllocError::too_large);
    }
    return block_layout;
  }

  /// The first poll of a request. True if it is answered; false if it waits: then a suspended
  /// coroutine may already run on another thread, and `waiter` must not be touched again.
  [[nodiscard]] bool start(Waiter& waiter) noexcept {
    const auto block_layout = check_layout(waiter.layout);
    if (!block_layout) return refuse(waiter, block_layout.error());
    waiter.block_layout = *block_layout;
    bool queued = false;
    if (!lock_.try_acquire()) {
      with_requests_then_settle([&] { queued = enqueue(waiter); });
      return !queued;
    }
    reclaim();
    if (void* const payload = allocate_if_no_waiters(*block_layout, waiter.layout.size);
        payload != nullptr) {
      waiter.payload = payload;
      // (request.direct) relaxed: told to its own thread only; publishes nothing.
      waiter.state.store(RequestState::granted, std::memory_order_relaxed);
    } else {
      // Queued while the word is held: no free can slip in between the failed attempt and this.
      requests_.lock_queue();
      queued = enqueue(waiter);
      requests_.unlock_queue();
    }
    settle();
    return !queued;
  }

  /// Takes a request back, in any state, by its owner: P5. Its waker may be running still, and is
  /// to be awaited before the request goes.
  void cancel(Waiter& waiter) noexcept {
    RequestState state{};
    with_requests_then_settle([&] { state = requests_.cancel(waiter); });
    if (state != RequestState::closed) counters_.add(Count::cancels);
    if (state == RequestState::granted) {
      release_block(node::block_of(waiter.payload), waiter.block_layout.size);
    }
  }

  /// Ends every waiting request with `closed`, oldest first.
  void close_all() noexcept {
    requests_.close();
    do {
      Waiter* woken = nullptr;
      with_requests_then_settle([&] {
        Waiter* const head = requests_.head();
        if (head != nullptr && requests_.complete(*head, RequestState::closed, nullptr))
          woken = head;
      });
      if (woken != nullptr) requests_.wake(*woken);
    } while (requests_.waiting() > 0);
  }

  /// Gives a block back, now or by the free queue (P4).
  void release_block(std::byte* block, std::size_t size) noexcept {
    counters_.subtract(Count::live);
    if (lock_.try_acquire()) {
      node::end_live(block, size, this);
      return_to_raw_heap(block, size);
      settle();
    } else {
      push_deferred(block, size);
      if (lock_.post_work_or_acquire()) settle();
    }
  }

  void push_deferred(std::byte* block, std::size_t size) noexcept {
    counters_.add(Count::deferred);
    free_queue_.push(node::make_freed(block, size));
  }

  /// Word held. Lets go of it, but not before everything that was freed is reclaimed and everything
  /// that then fits is granted: P1. Each turn of the loop was caused by work that somebody left.
  void settle() noexcept {
    do {
      reclaim();
      grant();
    } while (!lock_.try_release());
  }

  /// Word held. Returns the deferred blocks to the raw heap.
  void reclaim() noexcept {
    for (node::FreedNode* freed = free_queue_.drain(); freed != nullptr;) {
      const node::FreedNode node = node::load_freed(freed);
      if constexpr (checks_enabled) misuse::check_deferred(*this, freed, node);
      counters_.subtract(Count::deferred);
      return_to_raw_heap(node::block_of_freed(freed), node.size_bytes());
      freed = node.link;
    }
  }

  /// Word held. Memory for somebody who does not queue: nullptr if anybody waits (P2), there is no
  /// room, or closed.
  [[nodiscard]] void* allocate_if_no_waiters(BlockLayout block_layout,
                                             std::size_t payload_size) noexcept {
    if (requests_.waiting() > 0 || requests_.closed()) return nullptr;
    return allocate_block(block_layout, payload_size);
  }

  /// Word held. A live block, or nullptr if the raw heap has no room.
  [[nodiscard]] void* allocate_block(BlockLayout block_layout, std::size_t payload_size) noexcept {
    std::byte* const block = raw_.allocate(block_layout);
    if (block == nullptr) return nullptr;
    note_use();
    counters_.add(Count::live);
    counters_.set(Count::grants, counters_.get(Count::grants) + 1);
    return node::make_live(block, block_layout.size, payload_size, this);
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
  /// granter that met the held queue lock relies on.
  template <class F>
  void with_requests_then_settle(F edit) noexcept {
    requests_.lock_queue();
    edit();
    requests_.unlock_queue();
    if (lock_.post_work_or_acquire()) settle();
  }

  Raw raw_;
  LockWord lock_;
  FreeQueue free_queue_;
  RequestLists<Queue> requests_;
  [[no_unique_address]] CounterSet counters_;

 private:
  /// Word held. Grants the oldest waiting request for as long as it fits: FIFO (P2), by direct
  /// hand-off (P3).
  void grant() noexcept {
    while (requests_.waiting() > 0 && requests_.try_lock_queue()) {
      // Asked under the queue lock: once close() has ended one request, it ends all behind that.
      Waiter* const head = requests_.closed() ? nullptr : requests_.head();
      void* payload = nullptr;
      if (head != nullptr) payload = allocate_block(head->block_layout, head->layout.size);
      const bool needs_wake =
          payload != nullptr && requests_.complete(*head, RequestState::granted, payload);
      requests_.unlock_queue();
      if (payload == nullptr) return;
      if (needs_wake) requests_.wake(*head);
    }
  }

  /// Queue lock held.
  [[nodiscard]] bool enqueue(Waiter& waiter) noexcept {
    const bool queued = requests_.enqueue(waiter);
    counters_.add(queued ? Count::waits : Count::refusals);
    return queued;
  }

  // A template, so that it is nothing in unchecked builds, whose heaps have no identity.
  template <class Self>
  static void identify(Self& self) noexcept {
    self.base = self.raw_.base();
    self.size_bytes = self.raw_.capacity_bytes();
    self.is_free = [](const HeapRecord& identity, std::size_t offset) noexcept MNEME_NONBLOCKING {
      return static_cast<const Self&>(identity).raw_.is_free(offset);
    };
  }

  void return_to_raw_heap(std::byte* block, std::size_t size) noexcept {
    [[maybe_unused]] const bool was_block = raw_.deallocate(block, size);
    if constexpr (checks_enabled) {
      if (!was_block) misuse::report_refused(*this, block, size);
    }
    note_use();
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
