// purpose: how frees, requests and the lock owner hand work to each other so no wakeup is lost.
// layer: L2; includes L0 and L1.
// threads: each function names the locks its caller holds; the heap lock is never waited for.
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

namespace mneme::inline MNEME_SETTINGS {

/// The moving parts of a heap, and the only code that touches more than one of them.
///
/// It has two locks:
/// * The *heap lock* (LockWord) owns the raw heap. It is only ever try-locked; a caller that loses
///   queues its work and sets the work flag, and the owner drains that work before it unlocks
///   (settle).
/// * The *queue lock* owns the two lists of requests. Requests wait for it when they are queued or
///   cancelled. The owner of the heap lock, which may be a free in an interrupt, only try-locks it;
///   on failure it skips granting: the current holder always posts work after unlocking, which
///   reruns the grant loop (with_requests_then_settle). A grant searches the raw heap while it is
///   held, O(holes) of first-fit: on a single core, interrupts are masked for that long.
///
/// A waker is called with the queue lock free, by one of two loops, in each of which one waker runs
/// at a time: after a grant by the owner of the heap lock (grant), and after a close or a cancel by
/// its caller (call_due_wakers). What a waker asks of the heap is posted as work for the loop that
/// is already running, and does not recurse, however many requests wait. The loop does not touch a
/// request whose waker it has begun to call, which may be destroyed.
template <RawHeap Raw, QueueLock Queue>
class HeapCore : public std::conditional_t<checks_enabled, HeapRecord, NoRecord> {
 protected:
  /// A heap without memory, until init().
  constexpr HeapCore() noexcept = default;
  explicit HeapCore(std::span<std::byte> region) noexcept : raw_(region) { enlist(*this); }

  /// Gives a heap without memory its region. Nobody else uses the heap yet.
  void init(std::span<std::byte> region) noexcept {
    fatal_unless(raw_.capacity_bytes() == 0, "init of a heap that has its region");
    raw_.~Raw();
    (void)node::begin_object<Raw>(&raw_, region);
    enlist(*this);
  }

  /// The block for a layout, if the empty heap could hold it (P6).
  [[nodiscard]] std::expected<BlockLayout, AllocError> check_layout(Layout layout) const noexcept {
    const auto block_layout = BlockLayout::with_header(layout);
    if (block_layout && !raw_.fits_empty(*block_layout)) {
      return std::unexpected(AllocError::too_large);
    }
    return block_layout;
  }

  /// The first poll of a request. Returns true if it is complete. False if it waits: its coroutine
  /// may already run on another thread, so `waiter` must not be touched again.
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
      // (request.direct) relaxed: read only by the requesting thread; publishes nothing.
      waiter.state.store(RequestState::granted, std::memory_order_relaxed);
    } else {
      // Queued while the heap lock is held: no free can come between the failed attempt and this.
      requests_.lock_queue();
      queued = enqueue(waiter);
      requests_.unlock_queue();
    }
    settle();
    return !queued;
  }

  /// Cancels a request in any state, for its owner, who may be about to destroy it: P5. Else a
  /// coroutine that awaits it may run at once on another thread, and end the request.
  void cancel(Waiter& waiter, bool is_destroyed) noexcept {
    RequestState state{};
    void* payload = nullptr;
    std::size_t block_size = 0;
    bool is_awaited = false;
    with_requests_then_settle([&] {
      is_awaited = !is_destroyed && waiter.continuation;
      payload = waiter.payload;
      block_size = waiter.block_layout.size;
      state = requests_.cancel(waiter, is_destroyed);
    });
    if (state == RequestState::waiting || state == RequestState::granted) {
      counters_.add(Count::cancels);
    }
    if (state == RequestState::granted) release_block(node::block_of(payload), block_size);
    if (is_awaited) call_due_wakers();
    requests_.await_waker(waiter);
  }

  /// Ends every waiting request with `closed`, oldest first.
  void close_all() noexcept {
    requests_.close();
    do {
      with_requests_then_settle([&] {
        Waiter* const head = requests_.head();
        if (head != nullptr) (void)requests_.complete(*head, RequestState::closed, nullptr);
      });
    } while (requests_.waiting() > 0);
    call_due_wakers();
  }

  /// Calls the wakers of requests that were closed or cancelled, oldest first; or leaves that to
  /// the loop of this function that is running already, maybe further up the call stack.
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

  /// Frees a block, now or through the free queue (P4).
  void release_block(std::byte* block, std::size_t size) noexcept {
    counters_.subtract(Count::live);
    if (lock_.try_acquire()) {
      node::end_live(block, size);
      return_to_raw_heap(block, size);
      settle();
    } else {
      push_deferred(block, size);
      if (lock_.post_work_or_acquire()) settle();
    }
  }

  void push_deferred(std::byte* block, std::size_t size) noexcept {
    counters_.add(Count::deferred);
    if constexpr (checks_enabled) {
      if ((header::set(block, header::deferred) & header::deferred) != 0) {
        misuse::report(*this, block + word_bytes, size, [](std::size_t) noexcept { return false; });
      }
    }
    free_queue_.push(node::make_freed(block, size));
  }

  /// Whether the heap is locked, has live blocks, or serves requests.
  [[nodiscard]] bool is_in_use() noexcept {
    if (!lock_.try_acquire()) return true;
    reclaim();
    const bool has_blocks = raw_.free_bytes() != raw_.capacity_bytes();
    const bool has_requests = requests_.waiting() + requests_.ready() > 0 || requests_.is_waking();
    settle();
    return has_blocks || has_requests;
  }

  /// Heap lock held. Reclaims all freed blocks, grants all requests that then fit, and unlocks: P1.
  /// The loop repeats only if work was posted meanwhile.
  void settle() noexcept {
    do {
      reclaim();
      grant();
    } while (!lock_.try_release());
  }

  /// Heap lock held. Returns the deferred blocks to the raw heap.
  void reclaim() noexcept {
    for (node::FreedNode* freed = free_queue_.drain(); freed != nullptr;) {
      const node::Freed read = node::load_freed(freed);
      if constexpr (checks_enabled) misuse::check_deferred(*this, freed, read);
      counters_.subtract(Count::deferred);
      return_to_raw_heap(node::block_of_freed(freed), read.size);
      freed = read.link;
    }
  }

  /// Heap lock held. Memory for a request that does not queue: nullptr if any request waits (P2),
  /// if there is no room, or if the heap is closed.
  [[nodiscard]] void* allocate_if_no_waiters(BlockLayout block_layout,
                                             std::size_t payload_size) noexcept {
    if (requests_.waiting() > 0 || requests_.closed()) return nullptr;
    return allocate_block(block_layout, payload_size);
  }

  /// Heap lock held. A live block, or nullptr if the raw heap has no room.
  [[nodiscard]] void* allocate_block(BlockLayout block_layout, std::size_t payload_size) noexcept {
    std::byte* const block = raw_.allocate(block_layout, header_for(block_layout.size));
    if (block == nullptr) return nullptr;
    note_use();
    counters_.add(Count::live);
    counters_.set(Count::grants, counters_.get(Count::grants) + 1);
    return node::make_live(block, block_layout.size, payload_size);
  }

  /// The header of a live block of `size` bytes.
  [[nodiscard]] std::size_t header_for(std::size_t size) const noexcept {
    return this->anchor() | header::size_tag(size);
  }

  /// Heap lock held. Updates the header of a live block that was resized to `size` bytes.
  void set_header(std::byte* block, std::size_t size) noexcept {
    header::store(block, header_for(size) | (header::load(block) & header::hole_before));
  }

  /// Heap lock held. Updates the statistics of use.
  void note_use() noexcept {
    if constexpr (Stats::enabled) {
      const std::size_t used = raw_.capacity_bytes() - raw_.free_bytes();
      counters_.set(Count::used_bytes, used);
      if (used > counters_.get(Count::peak_bytes)) counters_.set(Count::peak_bytes, used);
    }
  }

  /// Heap lock not held, or held further up the call stack. Changes the lists, then posts work: an
  /// owner that found the queue lock held relies on it.
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
  /// Heap lock held. Grants the oldest waiting request for as long as it fits: FIFO (P2), by direct
  /// hand-off (P3).
  void grant() noexcept {
    while (requests_.waiting() > 0 && requests_.try_lock_queue()) {
      // Read under the queue lock: once close() has ended one request, it ends all behind it.
      Waiter* const head = requests_.closed() ? nullptr : requests_.head();
      void* payload = nullptr;
      if (head != nullptr) payload = allocate_block(head->block_layout, head->layout.size);
      const bool wakes =
          payload != nullptr && requests_.complete(*head, RequestState::granted, payload);
      wakes ? requests_.unlock_then_wake() : requests_.unlock_queue();
      if (payload == nullptr) return;
    }
  }

  /// Queue lock held.
  [[nodiscard]] bool enqueue(Waiter& waiter) noexcept {
    const bool queued = requests_.enqueue(waiter);
    counters_.add(queued ? Count::waits : Count::refusals);
    return queued;
  }

  // A template, so that it is nothing in unchecked builds, whose heaps have no record.
  template <class Self>
  static void enlist(Self& self) noexcept {
    if constexpr (checks_enabled) {
      self.identify(self.raw_.base(), self.raw_.capacity_bytes());
      self.is_free = [](const HeapRecord& record, std::size_t offset) noexcept MNEME_NONBLOCKING {
        return static_cast<const Self&>(record).raw_.is_free(offset);
      };
      registry.add(&self);
      const auto collides = [&](const HeapRecord* other) {
        return other != &self && self.collides_with(*other);
      };
      fatal_unless(registry.find(collides) == nullptr, "heap over a region that another heap has");
    }
  }

  void return_to_raw_heap(std::byte* block, std::size_t size) noexcept {
    [[maybe_unused]] const bool was_block = raw_.deallocate(block, size);
    if constexpr (checks_enabled) {
      if (!was_block) {
        const auto offset = static_cast<std::size_t>(block - raw_.base());
        misuse::report_refused(*this, block, size, raw_.is_free(offset));
      }
    }
    note_use();
  }

  [[nodiscard]] bool refuse(Waiter& waiter, AllocError error) noexcept {
    counters_.add(Count::refusals);
    waiter.error = error;
    // (request.refused) relaxed: read only by the requesting thread; publishes nothing.
    waiter.state.store(RequestState::refused, std::memory_order_relaxed);
    return true;
  }
};

}  // namespace mneme::inline MNEME_SETTINGS
