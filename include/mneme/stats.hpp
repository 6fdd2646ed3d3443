// purpose: a heap's statistics, which cost nothing when they are compiled out.
// layer: L1; includes L0.
// threads: any thread may read the counters at any time; `add` and `set` say who may write them.
// invariants: no behaviour of a heap depends on a counter.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "atomic.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// A heap's statistics at one moment. Sizes are in bytes of whole blocks, headers included. Without
/// MNEME_STATS the counters are 0, and the last three unless it is 2. inspect.hpp has the holes.
struct Stats {
  static constexpr bool enabled = MNEME_STATS != 0;

  std::size_t capacity_bytes = 0;
  std::size_t used_bytes = 0;  ///< in live and deferred blocks
  std::size_t peak_bytes = 0;  ///< the maximum of used_bytes so far, or since Guard::reset_peak
  std::optional<std::size_t> largest_free_bytes;  ///< of a hole; nullopt if the heap is locked
  std::size_t live = 0;                           ///< blocks that are allocated and not freed
  std::size_t waiting = 0;                        ///< requests in the queue
  std::size_t deferred = 0;                       ///< freed blocks that are not reclaimed yet
  std::size_t grants = 0;                         ///< requests that got memory, at once or later
  std::size_t waits = 0;                          ///< requests that had to wait
  std::size_t cancels = 0;      ///< requests cancelled before their result was taken
  std::size_t refusals = 0;     ///< requests that could never be met, or came after close()
  std::size_t asked_bytes = 0;  ///< of the payloads of live blocks, without headers and slack
  std::size_t largest_request_bytes = 0;  ///< the largest payload that was granted so far
  std::size_t failed_tries = 0;           ///< of try_allocate, and of all that calls it
};

/// The counters inside a heap.
enum class Count : std::uint8_t {
  used_bytes,
  peak_bytes,
  freed,      // blocks returned to the raw heap at once, without the free queue
  pushed,     // blocks pushed on the free queue
  parts,      // minus those of them that were cut off blocks which live on
  reclaimed,  // blocks taken off it again
  grants,
  waits,
  cancels,
  refusals,
  // In detail:
  asked_bytes,  // of all payloads that were granted
  freed_bytes,  // of those of them that were freed
  largest_request_bytes,
  failed_tries
};

/// One counter for each Count; those that are compiled out take no memory and no time. All members
/// are wait-free.
class CounterSet {
 public:
  /// For counters with several writers.
  void add(Count what, std::size_t n = 1) noexcept {
    // (stats.add) relaxed: counts only; publishes nothing.
    if (is_kept(what)) values_[index(what)].fetch_add(n, std::memory_order_relaxed);
  }
  /// For counters that only the owner of the heap lock writes.
  void increment(Count what) noexcept { set(what, get(what) + 1); }
  void set(Count what, std::size_t n) noexcept {
    // (stats.set) relaxed: counts only; publishes nothing.
    if (is_kept(what)) values_[index(what)].store(n, std::memory_order_relaxed);
  }
  void raise(Count what, std::size_t n) noexcept { n > get(what) ? set(what, n) : void(); }
  /// `all` minus the sum of `parts`. The parts are read first; if other threads count meanwhile and
  /// the difference is negative, 0.
  template <class... Counts>
  [[nodiscard]] std::size_t rest(Count all, Counts... parts) const noexcept {
    const std::size_t gone = (get(parts) + ...);
    const std::size_t total = get(all);
    return total > gone ? total - gone : 0;
  }
  [[nodiscard]] std::size_t get(Count what) const noexcept {
    // (stats.get) relaxed: counts only; publishes nothing.
    return is_kept(what) ? values_[index(what)].load(std::memory_order_relaxed) : 0;
  }

 private:
  static constexpr std::size_t index(Count what) noexcept { return static_cast<std::size_t>(what); }
  static constexpr bool is_kept(Count what) noexcept { return index(what) < size; }

  static constexpr Count last = MNEME_STATS == 2 ? Count::failed_tries : Count::refusals;
  static constexpr std::size_t size = Stats::enabled ? static_cast<std::size_t>(last) + 1 : 0;
  std::array<Atomic<std::size_t>, size> values_{};
};

}  // namespace mneme::inline MNEME_SETTINGS
