// purpose: a request for memory without a type, all bytes of which are zero.
// layer: L2; includes L0, L1 and owner_request.
// threads: as a request; the bytes are written on the thread that takes the result.
// invariants: as Request.
#pragma once

#include <cstddef>
#include <expected>

#include "../owner_request.hpp"

namespace mneme::inline MNEME_SETTINGS {

template <class Heap>
struct BuildZeroed {
  explicit BuildZeroed(Layout /*layout*/) noexcept {}
  [[nodiscard]] static std::expected<Layout, AllocError> layout(Layout wanted) noexcept {
    return wanted;
  }
  [[nodiscard]] Allocation<Heap> operator()(Allocation<Heap> block) const noexcept {
    __builtin_memset(block.data(), 0, block.bytes().size());
    return block;
  }
};
/// A request for such memory, by name.
template <class Heap = mneme::Heap>
using ZeroedRequest = OwnerRequest<Heap, BuildZeroed<Heap>>;

/// `allocate_zeroed(layout)`: a request for an Allocation, as `allocate`, whose bytes are zero.
/// `make_array<T>(n)` is the same for elements of a type. O(bytes) besides.
template <RawHeap Raw, QueueLock Queue, QueuePolicy Policy>
auto BasicHeap<Raw, Queue, Policy>::allocate_zeroed(Layout layout) noexcept {
  return ZeroedRequest<BasicHeap>(*this, layout);
}

}  // namespace mneme::inline MNEME_SETTINGS
