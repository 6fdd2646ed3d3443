// purpose: exclusive use of a heap, for as long as an object lives.
// layer: L2; includes L0, L1 and basic_heap.
// threads: a guard is one thread's at a time; it may move to another with the usual hand-over.
// invariants: P1 (letting go settles), P2 (the one door around the queue).
#pragma once

#include <cstddef>
#include <utility>

#include "basic_heap.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// Holds a heap exclusively. While it does, frees are deferred and requests wait; when it lets go,
/// they are done. It may be kept across a suspension. Empty if the heap was locked already.
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

  /// Memory past the queue, or nullptr if there is no room: the one way to overtake those who wait
  /// (P2), as the caller asked for exclusive use. Reclaims first. Goes back by `free(payload,
  /// layout)` of the heap. O(raw heap).
  [[nodiscard, gnu::noinline]] void* allocate(Layout layout) noexcept {
    fatal_unless(heap_ != nullptr, empty_guard);
    const auto block_layout = BlockLayout::with_header(layout);
    if (!block_layout || heap_->is_closed()) return nullptr;
    heap_->reclaim();
    return heap_->take(*block_layout, layout.size);
  }

  /// As Heap::stats, with the largest hole. Deferred blocks are left as they are.
  [[nodiscard]] Stats stats() const noexcept {
    fatal_unless(heap_ != nullptr, empty_guard);
    Stats stats = heap_->counters();
    stats.largest_free_bytes = heap_->raw_.largest_hole_bytes();
    return stats;
  }

  /// As Heap::validate.
  [[nodiscard]] const char* validate() const noexcept {
    fatal_unless(heap_ != nullptr, empty_guard);
    const char* const wrong = heap_->raw_.validate();
    return wrong != nullptr ? wrong : heap_->validate_lists();
  }

  /// Lets go: reclaims what was deferred and grants what then fits. Nothing if empty.
  void unlock() noexcept {
    if (heap_ != nullptr) std::exchange(heap_, nullptr)->settle();
  }

 private:
  static constexpr const char* empty_guard = "use of a guard that holds no heap";

  friend Heap;
  explicit Guard(Heap& heap) noexcept : heap_(&heap) {}

  Heap* heap_ = nullptr;
};

template <RawHeap Raw, QueueLock Queue>
Guard<BasicHeap<Raw, Queue>> BasicHeap<Raw, Queue>::try_lock() noexcept {
  return this->lock_.try_acquire() ? Guard<BasicHeap>(*this) : Guard<BasicHeap>();
}

}  // namespace mneme::inline MNEME_SETTINGS
