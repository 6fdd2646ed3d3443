// purpose: which heaps there are, so that a checked build follows no header to a heap that is none (P12).
// room: L1; includes L0.
// threads: any, interrupts too; lock-free, every call is a bounded scan.
// invariants: a registered heap is alive.
#pragma once

#include <array>
#include <cstddef>

#include "atomic.hpp"

namespace mneme {

/// What every heap has at its very start: enough to recognise it and its region.
/// A checked heap is aligned and at least as large as `mark_space`, see LiveNode.
struct HeapIdentity {
  std::byte* base = nullptr;
  std::size_t size_bytes = 0;
};

/// The heaps of a checked build, so that a smashed header is found out before anybody follows it.
/// Lock-free; a free may ask at any time. Heaps beyond the last slot are not registered, and then
/// every header passes.
class Registry {
 public:
  void add(const HeapIdentity* heap) noexcept {
    for (auto& slot : slots_) {
      const HeapIdentity* expected = nullptr;
      // (registry.add) release: pairs with acquire (registry.find); publishes the heap's identity.
      // (registry.busy) relaxed: a slot in use; publishes nothing.
      if (slot.compare_exchange_strong(expected, heap, std::memory_order_release,
                                       std::memory_order_relaxed)) {
        return;
      }
    }
    // (registry.overflow) relaxed: a count that only switches a check off; publishes nothing.
    unregistered_.fetch_add(1, std::memory_order_relaxed);
  }

  void remove(const HeapIdentity* heap) noexcept {
    for (auto& slot : slots_) {
      const HeapIdentity* expected = heap;
      // (registry.remove) relaxed: an empty slot; publishes nothing.
      if (slot.compare_exchange_strong(expected, nullptr, std::memory_order_relaxed,
                                       std::memory_order_relaxed)) {
        return;
      }
    }
    // (registry.underflow) relaxed: see (registry.overflow); publishes nothing.
    unregistered_.fetch_sub(1, std::memory_order_relaxed);
  }

  /// The first heap for which `wanted(heap)` holds, or nullptr.
  template <class F>
  [[nodiscard]] const HeapIdentity* find(F wanted) const noexcept {
    for (const auto& slot : slots_) {
      // (registry.find) acquire: pairs with release (registry.add); sees the heap's identity.
      const HeapIdentity* const heap = slot.load(std::memory_order_acquire);
      if (heap != nullptr && wanted(heap)) return heap;
    }
    return nullptr;
  }

  [[nodiscard]] bool knows_all() const noexcept {
    // (registry.complete) relaxed: a hint that only weakens a check; publishes nothing.
    return unregistered_.load(std::memory_order_relaxed) == 0;
  }

 private:
  std::array<Atomic<const HeapIdentity*>, 32> slots_{};
  Atomic<unsigned> unregistered_{0};
};

/// The only global of the library, and only checked builds use it.
inline constinit Registry registry{};

}  // namespace mneme
