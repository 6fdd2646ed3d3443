// purpose: a raw heap that fails on demand, for tests of what happens when there is no room.
// layer: L1; includes L0 and raw_heap.
// threads: none; one owner at a time.
// invariants: a failed allocation changes nothing in the raw heap inside.
#pragma once

#include <cstddef>
#include <span>

#include "../raw_heap.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// Decorates a raw heap: `fail_nth(n)` makes the nth allocation from now (1 is the next) find no
/// room, once.
template <RawHeap Inner>
class FaultInjecting : public Inner {
 public:
  using Inner::Inner;

  /// Arms the fault; 0 disarms it.
  void fail_nth(std::size_t n) noexcept { countdown_ = n; }

  /// How many allocations were made to fail.
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
