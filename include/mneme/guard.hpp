// purpose: an object that keeps a heap locked while it lives.
// layer: L2; includes L0, L1 and basic_heap.
// threads: one thread at a time; another may take it over, if the two threads synchronise.
// invariants: P1 (unlocking reclaims and grants), P2 (only a guard's holder bypasses the queue).
#pragma once

#include <cstddef>
#include <utility>

#include "basic_heap.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// Keeps a heap locked. Meanwhile frees are deferred and requests wait; the unlock reclaims and
/// grants. It may be kept while a coroutine is suspended. It is empty if the heap was locked
/// already. To use an empty guard is misuse: fatal in checked builds.
template <class Heap>
class [[nodiscard]] Guard {
 public:
  Guard() noexcept = default;
  Guard(Guard&& other) noexcept : heap_(std::exchange(other.heap_, nullptr)) {}
  Guard& operator=(Guard other) noexcept {
    std::swap(heap_, other.heap_);
    return *this;
  }
  ~Guard() { unlock(); }

  [[nodiscard]] explicit operator bool() const noexcept { return heap_ != nullptr; }

  /// Allocates at once, past all waiting requests: only a guard can do that (P2). Reclaims first.
  /// nullptr if there is no room, if the heap is closed, or if the layout can never be met. Free it
  /// by `heap.free(payload, layout)`. O(raw heap + deferred blocks).
  [[nodiscard, gnu::noinline]] void* allocate(Layout layout) noexcept {
    fatal_unless(heap_ != nullptr, empty_guard);
    const auto block_layout = BlockLayout::with_header(layout);
    if (!block_layout || heap_->is_closed()) return nullptr;
    heap_->reclaim();
    return heap_->take(*block_layout, layout.size);
  }

  /// As Heap::stats, with the largest hole. Does not reclaim. O(raw heap).
  [[nodiscard]] Stats stats() const noexcept {
    fatal_unless(heap_ != nullptr, empty_guard);
    Stats stats = heap_->counters();
    stats.largest_free_bytes = heap_->raw_.largest_hole_bytes();
    return stats;
  }

  /// Begins the peak anew, with what is used now. O(1).
  void reset_peak() noexcept {
    fatal_unless(heap_ != nullptr, empty_guard);
    heap_->counters_.set(Count::peak_bytes, heap_->counters_.get(Count::used_bytes));
  }

  /// As Heap::validate, with the raw heap. O(raw heap + requests).
  [[nodiscard]] const char* validate() const noexcept {
    fatal_unless(heap_ != nullptr, empty_guard);
    const char* const wrong = heap_->raw_.validate();
    return wrong != nullptr ? wrong : heap_->validate_lists();
  }

  /// Unlocks the heap, after reclaiming deferred blocks and granting requests that then fit. Does
  /// nothing if empty.
  void unlock() noexcept {
    if (heap_ != nullptr) std::exchange(heap_, nullptr)->return_lent_lock();
  }

 private:
  static constexpr const char* empty_guard = "use of a guard that holds no heap";

  friend Heap;
  template <class AnyHeap, class Want>
  friend class CustomRequest;
  explicit Guard(Heap& heap) noexcept : heap_(&heap) {}

  Heap* heap_ = nullptr;
};

template <RawHeap Raw, QueueLock Queue, QueuePolicy Policy>
Guard<BasicHeap<Raw, Queue, Policy>> BasicHeap<Raw, Queue, Policy>::try_lock() noexcept {
  return this->lock_.try_acquire() ? Guard<BasicHeap>(*this) : Guard<BasicHeap>();
}

}  // namespace mneme::inline MNEME_SETTINGS
