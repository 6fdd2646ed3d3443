// purpose: a ring of entries in the user's memory, which any thread or interrupt may write.
// layer: L1; includes L0.
// threads: any, interrupts too; lock-free. Reading may go on meanwhile.
// invariants: an entry is read as it was written, or counted as lost.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "../atomic.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// Whether a new entry replaces the oldest one of a full ring, or is lost.
enum class WhenFull : std::uint8_t { overwrite, stop };

/// The place of one entry. A ring's memory is an array of them.
///
/// Ticket t, of the entry with that number, has three states in `sequence`:
/// * 2t + 1: the entry is being written or read, by the thread that made it so;
/// * 2t + 2: it is complete, and may be read, or replaced by the entry of a later ticket;
/// * anything else: the place belongs to another ticket, or (0) to none.
template <class Entry>
struct RingSlot {
  Atomic<std::size_t> sequence{0};
  Entry entry{};
};

/// A ring whose size is the largest power of two that fits into its memory. `Entry` is copied.
template <class Entry>
class Ring {
 public:
  /// The memory must outlive the ring. A ring without memory loses every entry.
  constexpr Ring(std::span<RingSlot<Entry>> given, WhenFull when_full) noexcept
      : slots_(given.first(std::bit_floor(given.size()))), when_full_(when_full) {}

  /// Adds an entry. It is lost if the ring is full and stops; or if its place is still being
  /// written, by a thread that got it a whole turn of the ring ago, or is being read by `read`. Any
  /// thread, interrupts too. O(1).
  void put(const Entry& entry) noexcept MNEME_NONBLOCKING {
    if (is_full()) {
      // (ring.refused) relaxed: counts only; publishes nothing.
      refused_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    // (ring.ticket) relaxed: the order of the tickets is that of the calls, if one happens before
    // the other; publishes nothing.
    const std::size_t ticket = next_.fetch_add(1, std::memory_order_relaxed);
    if (stops() && ticket >= slots_.size()) return;
    RingSlot<Entry>& slot = slots_[ticket & (slots_.size() - 1)];
    const std::size_t busy = 2 * ticket + 1;
    // (ring.look) relaxed: a hint what to try; publishes nothing.
    std::size_t seen = slot.sequence.load(std::memory_order_relaxed);
    const bool is_taken = seen % 2 != 0 || static_cast<std::ptrdiff_t>(seen - busy) > 0;
    // (ring.claim) acquire: pairs with release (ring.publish), with release (ring.return); the
    // place is no longer written or read. (ring.claim_failed) relaxed: publishes nothing.
    if (is_taken || !slot.sequence.compare_exchange_strong(seen, busy, std::memory_order_acquire,
                                                           std::memory_order_relaxed)) {
      return;
    }
    slot.entry = entry;
    // (ring.publish) release: pairs with acquire (ring.claim), with acquire (ring.read); the entry
    // is written.
    slot.sequence.store(busy + 1, std::memory_order_release);
  }

  /// Calls each(entry) for all entries, oldest first, and returns the number of those that are
  /// lost: every entry that was ever put and is not passed to `each` now. What is put meanwhile is
  /// left out; but it may replace entries, which then are lost. O(size of the ring).
  template <class F>
  std::size_t read(F each) noexcept {
    const std::size_t end = total_tickets();
    // (ring.lost) relaxed: counts only; publishes nothing.
    std::size_t lost = end + refused_.load(std::memory_order_relaxed);
    const std::size_t kept = end < slots_.size() ? end : slots_.size();
    const std::size_t first = stops() ? 0 : end - kept;
    for (std::size_t ticket = first; ticket != first + kept; ++ticket) {
      RingSlot<Entry>& slot = slots_[ticket & (slots_.size() - 1)];
      std::size_t complete = 2 * ticket + 2;
      // (ring.read) acquire: pairs with release (ring.publish); sees the entry.
      // (ring.read_failed) relaxed: publishes nothing.
      if (!slot.sequence.compare_exchange_strong(complete, complete - 1, std::memory_order_acquire,
                                                 std::memory_order_relaxed)) {
        continue;
      }
      const Entry entry = slot.entry;
      // (ring.return) release: pairs with acquire (ring.claim); the entry is read.
      slot.sequence.store(complete, std::memory_order_release);
      --lost;
      each(entry);
    }
    return lost;
  }

  [[nodiscard]] std::size_t size() const noexcept { return slots_.size(); }
  [[nodiscard]] bool stops() const noexcept { return when_full_ == WhenFull::stop; }

 private:
  [[nodiscard]] std::size_t total_tickets() const noexcept {
    // (ring.total) relaxed: (ring.read) sees the entries; publishes nothing.
    return next_.load(std::memory_order_relaxed);
  }
  /// A ring that stops takes no more tickets then, so that their number does not wrap.
  [[nodiscard]] bool is_full() const noexcept {
    return slots_.empty() || (stops() && total_tickets() >= slots_.size());
  }

  std::span<RingSlot<Entry>> slots_;
  WhenFull when_full_;
  Atomic<std::size_t> next_{0};     // the next ticket
  Atomic<std::size_t> refused_{0};  // entries that came when the ring was full
};

}  // namespace mneme::inline MNEME_SETTINGS
