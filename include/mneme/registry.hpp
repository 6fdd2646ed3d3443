// purpose: a global list of live heaps, to validate a heap pointer before it is followed (P12).
// layer: L1; includes L0.
// threads: any, interrupts too; lock-free, every call is a bounded scan.
// invariants: a registered heap is alive.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>

#include "check.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// The first member of every checked heap: identifies it and its region. A checked heap is aligned
/// to `tag_space`, and at least as large; see LiveNode.
struct HeapRecord {
  std::byte* base = nullptr;
  std::size_t size_bytes = 0;
  /// Whether the byte at an offset is in a hole. Read without a lock, on the way to a fatal line.
  bool (*is_free)(const HeapRecord& self, std::size_t offset) noexcept MNEME_NONBLOCKING = nullptr;
};

/// The empty base of an unchecked heap.
struct NoRecord {};

/// The live heaps of a checked build, so that a smashed header is detected before it is followed.
/// Lock-free; a free may search it at any time. Once there were more heaps than slots, every header
/// passes. Plain std::atomic, not the seam of atomic.hpp: a global that no protocol depends on.
class Registry {
 public:
  void add(const HeapRecord* heap) noexcept {
    if (replace(nullptr, heap)) return;
    // (registry.overflow) relaxed: only switches a check off; publishes nothing.
    overflowed_.store(true, std::memory_order_relaxed);
  }
  void remove(const HeapRecord* heap) noexcept { (void)replace(heap, nullptr); }

  /// The first heap for which `wanted(heap)` holds, or nullptr.
  template <class F>
  [[nodiscard]] const HeapRecord* find(F wanted) const noexcept {
    for (const auto& slot : slots_) {
      // (registry.find) acquire: pairs with release (registry.replace); sees the identity.
      const HeapRecord* const heap = slot.load(std::memory_order_acquire);
      if (heap != nullptr && wanted(heap)) return heap;
    }
    return nullptr;
  }

  [[nodiscard]] bool is_complete() const noexcept {
    // (registry.complete) relaxed: a hint that only weakens a check; publishes nothing.
    return !overflowed_.load(std::memory_order_relaxed);
  }

 private:
  [[nodiscard]] bool replace(const HeapRecord* from, const HeapRecord* to) noexcept {
    for (auto& slot : slots_) {
      const HeapRecord* expected = from;
      // (registry.replace) release: pairs with acquire (registry.find); publishes the identity.
      // (registry.other) relaxed: another heap's slot; publishes nothing.
      if (slot.compare_exchange_strong(expected, to, std::memory_order_release,
                                       std::memory_order_relaxed)) {
        return true;
      }
    }
    return false;
  }

  std::array<std::atomic<const HeapRecord*>, 32> slots_{};
  std::atomic<bool> overflowed_{false};
};

/// The only global of the library, and only checked builds use it.
MNEME_SHARED inline constinit Registry registry{};

}  // namespace mneme::inline MNEME_SETTINGS
