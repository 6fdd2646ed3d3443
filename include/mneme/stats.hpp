// purpose: the counts a heap keeps of itself, which are nothing at all when compiled out.
// layer: L1; includes L0.
// threads: counters may be read at any time from anywhere; each names its writers.
// invariants: none; nothing decides by a counter.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "atomic.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// A heap's statistics at one moment. Bytes count whole blocks, headers included. Fields that are
/// compiled out are 0.
struct Stats {
  static constexpr bool enabled = MNEME_STATS != 0;

  std::size_t capacity_bytes = 0;
  std::size_t used_bytes = 0;  ///< in live and deferred blocks
  std::size_t peak_bytes = 0;  ///< the most that was ever used
  std::optional<std::size_t>
      largest_free_bytes;    ///< the largest hole; unknown while someone holds the heap
  std::size_t live = 0;      ///< blocks in use
  std::size_t waiting = 0;   ///< requests in the queue
  std::size_t deferred = 0;  ///< freed blocks that were not reclaimed yet
  std::size_t grants = 0;    ///< requests that got memory, at once or later
  std::size_t waits = 0;     ///< requests that had to wait
  std::size_t cancels = 0;   ///< requests withdrawn before they were taken
  std::size_t refusals = 0;  ///< requests answered with an error
};

/// What is counted inside a heap.
enum class Count : std::uint8_t {
  used_bytes,
  peak_bytes,
  freed,      // blocks that went back at once, without the free queue
  pushed,     // blocks that were pushed on the free queue
  reclaimed,  // and came off it
  grants,
  waits,
  cancels,
  refusals
};

/// The counters, one a Count; compiled out, they take no bytes and no time. All wait-free.
class CounterSet {
 public:
  /// For counters with several writers.
  void add(Count what, std::size_t n = 1) noexcept {
    // (stats.add) relaxed: counts only; publishes nothing.
    if constexpr (Stats::enabled) values_[index(what)].fetch_add(n, std::memory_order_relaxed);
  }
  /// For counters that only the heap's owner writes.
  void increment(Count what) noexcept { set(what, get(what) + 1); }
  void set(Count what, std::size_t n) noexcept {
    // (stats.set) relaxed: counts only; publishes nothing.
    if constexpr (Stats::enabled) values_[index(what)].store(n, std::memory_order_relaxed);
  }
  /// What was counted as `all` and as none of the parts, which are read first; 0 if they are ahead
  /// of it for a moment.
  template <class... Counts>
  [[nodiscard]] std::size_t rest(Count all, Counts... parts) const noexcept {
    const std::size_t gone = (get(parts) + ...);
    const std::size_t total = get(all);
    return total > gone ? total - gone : 0;
  }
  [[nodiscard]] std::size_t get(Count what) const noexcept {
    if constexpr (!Stats::enabled) return 0;
    // (stats.get) relaxed: counts only; publishes nothing.
    else
      return values_[index(what)].load(std::memory_order_relaxed);
  }

 private:
  static constexpr std::size_t size = static_cast<std::size_t>(Count::refusals) + 1;
  static constexpr std::size_t index(Count what) noexcept { return static_cast<std::size_t>(what); }

  std::array<Atomic<std::size_t>, Stats::enabled ? size : 0> values_{};
};

}  // namespace mneme::inline MNEME_SETTINGS
