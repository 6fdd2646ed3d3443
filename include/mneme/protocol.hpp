// purpose: the protocol that joins raw heap, free queue and requests: who must look again, when.
// room: L2; includes L0 and L1.
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
/// * The *short lock* owns the two lists of requests. Requests wait for it when they are queued or
///   withdrawn. The word's owner, which may be a free in an interrupt, only tries it: if it is
///   held, the owner goes home, for whoever holds it is bound to leave work on the word next
///   (edit_lists), and so to have the queue looked at again. A grant searches the raw heap with it
///   held, O(holes) of first-fit: on one core, that long interrupts may be closed.
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
    bool queued = false;
    if (!word_.take()) {
      edit_lists([&] { queued = enqueue(waiter); });
      return !queued;
    }
    reclaim();
    if (void* const payload = newcomer(*block_layout, waiter.layout.size); payload != nullptr) {
      waiter.payload = payload;
      // (request.direct) relaxed: told to its own thread only; publishes nothing.
      waiter.state.store(RequestState::granted, std::memory_order_relaxed);
    } else {
      // Queued while the word is held: no free can slip in between the failed attempt and this.
      lists_.lock();
      queued = enqueue(waiter);
      lists_.unlock();
    }
    settle();
    return !queued;
  }

  /// Takes a request back, in any state, by its owner: P5. Its waker may be running still, and is
  /// to be awaited before the request goes.
  void withdraw(Waiter& waiter) noexcept {
    RequestState state{};
    edit_lists([&] { state = lists_.withdraw(waiter); });
    if (state != RequestState::closed) counters_.add(Count::cancels);
    if (state == RequestState::granted) {
      release_block(node::block_of(waiter.payload), waiter.block_layout.size);
    }
  }

  /// Ends every waiting request with `closed`, oldest first.
  void close_all() noexcept {
    lists_.close();
    do {
      Waiter* woken = nullptr;
      edit_lists([&] {
        Waiter* const head = lists_.head();
        if (head != nullptr && lists_.answer(*head, RequestState::closed, nullptr)) woken = head;
      });
      if (woken != nullptr) lists_.wake(*woken);
    } while (lists_.waiting() > 0);
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
    if (lists_.waiting() > 0 || lists_.closed()) return nullptr;
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
    lists_.lock();
    edit();
    lists_.unlock();
    if (word_.leave_work()) settle();
  }

  Raw raw_;
  LockWord word_;
  FreeQueue free_queue_;
  RequestLists<Short> lists_;
  [[no_unique_address]] CounterSet counters_;

 private:
  /// Word held. Grants the oldest waiting request for as long as it fits: FIFO (P2), by direct
  /// hand-off (P3).
  void grant() noexcept {
    while (lists_.waiting() > 0 && lists_.try_lock()) {
      // Asked under the short lock: once close() has ended one request, it ends all behind that.
      Waiter* const head = lists_.closed() ? nullptr : lists_.head();
      void* payload = nullptr;
      if (head != nullptr) payload = carve(head->block_layout, head->layout.size);
      const bool must_wake =
          payload != nullptr && lists_.answer(*head, RequestState::granted, payload);
      lists_.unlock();
      if (payload == nullptr) return;
      if (must_wake) lists_.wake(*head);
    }
  }

  /// Short lock held.
  [[nodiscard]] bool enqueue(Waiter& waiter) noexcept {
    const bool queued = lists_.enqueue(waiter);
    counters_.add(queued ? Count::waits : Count::refusals);
    return queued;
  }

  // A template, so that it is nothing in unchecked builds, whose heaps have no identity.
  template <class Self>
  static void identify(Self& self) noexcept {
    self.base = self.raw_.base();
    self.size_bytes = self.raw_.capacity_bytes();
    self.is_free = [](const HeapIdentity& identity, std::size_t offset) noexcept MNEME_NONBLOCKING {
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

  [[nodiscard]] bool refuse(Waiter& waiter, AllocError error) noexcept {
    counters_.add(Count::refusals);
    waiter.error = error;
    // (request.refused) relaxed: told to its own thread only; publishes nothing.
    waiter.state.store(RequestState::refused, std::memory_order_relaxed);
    return true;
  }
};

}  // namespace mneme
