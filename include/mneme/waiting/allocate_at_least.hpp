// purpose: a request for as much as there is in one piece, within bounds.
// layer: L2; includes L0, L1 and custom_request.
// threads: as a request.
// invariants: P1, P2: it waits for its lower bound only, and takes more in the same step.
#pragma once

#include <cstddef>
#include <optional>

#include "custom_request.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// What `heap.allocate_at_least(layout, max_bytes)` waits for: `layout.size` bytes. When there are
/// as many, it takes as many as there are in one piece then, up to `max_bytes`, in whole words:
///
///     auto buffer = co_await heap.allocate_at_least({.size = 512}, 64 * 1024);
///     if (buffer) read_into(buffer->bytes());  // expected<Allocation, AllocError>
///
/// Errors: as Request, for the lower bound. An upper bound below the lower one is misuse: fatal in
/// checked builds. To find the size it takes memory and gives it back, which is one step for all
/// others, but which `grants` and a recorder see. O(raw heap × log(upper bound)).
template <class Heap>
class AtLeastWanted {
 public:
  using Owner = Allocation<Heap>;

  AtLeastWanted(Layout least, std::size_t max_bytes) noexcept : got_(least), max_(max_bytes) {
    fatal_unless(max_ >= got_.size, "allocate_at_least: the upper bound is below the lower one");
  }

  template <class Access>
  [[nodiscard]] std::optional<AllocError> error(Access access) noexcept {
    const auto block = access.heap.check_layout(got_);
    if (!block) return block.error();
    least_ = words_of(got_.size);
    // No block is larger than the heap.
    if (const std::size_t all = access.heap.capacity_bytes(); max_ > all) max_ = all;
    return std::nullopt;
  }

  template <class Access>
  [[nodiscard]] bool take(Access access) noexcept {
    std::size_t fits = least_;
    memory_ = access.take(with(fits));
    std::size_t too_many = words_of(max_) + 1;
    for (std::size_t next = too_many - 1; memory_ != nullptr && next > fits;
         next = fits + (too_many - fits) / 2) {
      access.give_back(memory_, with(fits));
      memory_ = access.take(with(next));
      (memory_ != nullptr ? fits : too_many) = next;
      if (memory_ == nullptr) memory_ = access.take(with(fits));
    }
    got_ = with(fits);
    return memory_ != nullptr;
  }

  template <class Access>
  [[nodiscard]] bool undo(Access access) noexcept {
    access.give_later(memory_, got_);
    return false;
  }
  template <class Access>
  [[nodiscard]] Owner finish(Access /*access*/) noexcept {
    return Owner::from_leaked(memory_, got_);
  }

 private:
  /// The words of the smallest block for a payload, without its header.
  [[nodiscard]] static std::size_t words_of(std::size_t size) noexcept {
    return BlockLayout::size_with_header(size) / word_bytes - 1;
  }
  [[nodiscard]] Layout with(std::size_t words) const noexcept {
    return {words * word_bytes < max_ ? words * word_bytes : max_, got_.align};
  }

  Layout got_;
  std::size_t max_;
  std::size_t least_ = 0;  // words
  void* memory_ = nullptr;
};

/// A request for at least so much, by name.
template <class Heap = mneme::Heap>
using AtLeastRequest = CustomRequest<Heap, AtLeastWanted<Heap>>;

template <RawHeap Raw, QueueLock Queue, QueuePolicy Policy>
auto BasicHeap<Raw, Queue, Policy>::allocate_at_least(Layout least,
                                                      std::size_t max_bytes) noexcept {
  return AtLeastRequest<BasicHeap>(*this, {least, max_bytes});
}

}  // namespace mneme::inline MNEME_SETTINGS
