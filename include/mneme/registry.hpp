// purpose: a global list of live heaps, to check a header's address before it is followed (P12).
// layer: L1; includes L0.
// threads: any, interrupts too; lock-free, every call is a bounded scan.
// invariants: a registered heap is alive.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>

#include "header.hpp"
#include "layout.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// The first part of every checked heap: identifies the heap and its region.
struct HeapRecord {
  /// The anchor is the one of these words whose address is a multiple of header::tag_space; there
  /// is one wherever the heap is. Headers hold its address, and it points to the heap.
  std::array<const HeapRecord*, header::tag_space / word_bytes> anchors{};
  std::byte* base = nullptr;
  std::size_t size_bytes = 0;
  /// Whether the byte at an offset of the region is in a hole. Called without a lock, but only to
  /// build a fatal line.
  bool (*is_free)(const HeapRecord& self, std::size_t offset) noexcept MNEME_NONBLOCKING = nullptr;

  /// The bits that the headers of all its blocks have in common: the anchor's address, in hardened
  /// builds without some bits.
  [[nodiscard]] std::size_t anchor() const noexcept {
    return (anchor_address() & header::heap_mask) | header::constant;
  }
  /// Sets the anchor and the region.
  void identify(std::byte* region, std::size_t size) noexcept {
    base = region;
    size_bytes = size;
    anchors[(anchor_address() - address_of(this)) / word_bytes] = this;
  }
  [[nodiscard]] bool has_place(const void* place) const noexcept {
    return address_of(place) - address_of(base) < size_bytes;
  }
  /// Whether the two regions overlap; but this heap's region may be inside the other's, as a block
  /// of an older heap may be the region of a newer one.
  [[nodiscard]] bool collides_with(const HeapRecord& other) const noexcept {
    if (size_bytes == 0 || other.size_bytes == 0) return false;
    const std::size_t begin = address_of(base);
    const std::size_t from = address_of(other.base);
    const bool is_inside = begin > from && size_bytes <= other.size_bytes - (begin - from);
    return begin < from + other.size_bytes && from < begin + size_bytes && !is_inside;
  }

 private:
  [[nodiscard]] std::size_t anchor_address() const noexcept {
    return (address_of(this) + header::tag_space - 1) & ~(header::tag_space - 1);
  }
};

/// The empty base of an unchecked heap, whose headers hold its own address.
struct NoRecord {
  [[nodiscard]] std::size_t anchor() const noexcept { return address_of(this); }
};

/// The live heaps of a checked build, so that an overwritten header is detected before it is
/// followed. Lock-free; a free may search it at any time. While there are more heaps than slots, a
/// header that points to none of the listed heaps is accepted; hardened builds do not allow that
/// many. The atomic type and the number of slots are parameters because the atomics of models
/// cannot be global: the one global registry uses std::atomic, not the Atomic of atomic.hpp.
template <template <class> class AtomicOf, std::size_t slots>
class BasicRegistry {
 public:
  void add(const HeapRecord* heap) noexcept {
    if (replace(nullptr, heap)) return;
    // (registry.unlisted) relaxed: only weakens a check; publishes nothing.
    unlisted_.fetch_add(1, std::memory_order_relaxed);
  }
  void remove(const HeapRecord* heap) noexcept {
    if (replace(heap, nullptr)) return;
    // (registry.gone) relaxed: only strengthens a check; publishes nothing.
    unlisted_.fetch_sub(1, std::memory_order_relaxed);
  }

  /// The first heap for which `wanted(heap)` is true, or nullptr. O(slots).
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
    return unlisted_.load(std::memory_order_relaxed) == 0;
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

  std::array<AtomicOf<const HeapRecord*>, slots> slots_{};
  AtomicOf<std::size_t> unlisted_{0};  // heaps for which there was no slot
};

using Registry = BasicRegistry<std::atomic, is_hardened ? 128 : 32>;

/// The only global of the library, and only checked builds use it.
MNEME_SHARED inline constinit Registry registry{};

}  // namespace mneme::inline MNEME_SETTINGS
