// purpose: a raw heap that fails on demand, to test what happens when there is no room.
// layer: L1; includes L0 and raw_heap.
// threads: none; one owner at a time.
// invariants: an allocation that is made to fail does not change the inner raw heap.
#pragma once

#include <cstddef>
#include <span>

#include "../raw_heap.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// Decorates a raw heap: after `fail_nth(n)` the nth allocation (1 is the next) finds no room,
/// once.
template <RawHeap Inner>
class FaultInjecting : public Inner {
 public:
  using Inner::Inner;

  /// Arms the fault; 0 disarms it.
  void fail_nth(std::size_t n) noexcept { countdown_ = n; }

  /// The number of allocations that were made to fail.
  [[nodiscard]] std::size_t failures() const noexcept { return failures_; }

  [[nodiscard]] std::byte* allocate(BlockLayout layout, std::size_t header = 0) noexcept {
    if (countdown_ != 1) {
      if (countdown_ > 0) --countdown_;
      return Inner::allocate(layout, header);
    }
    countdown_ = 0;
    ++failures_;
    return nullptr;
  }

 private:
  std::size_t countdown_ = 0;
  std::size_t failures_ = 0;
};

}  // namespace mneme::inline MNEME_SETTINGS
