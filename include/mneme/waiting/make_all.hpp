// purpose: several requests as one, which is granted as a whole: all or nothing.
// layer: L2; includes L0, L1, owner_request and custom_request.
// threads: as a request.
// invariants: P2 (one place in the queue), P5 (all of it is given back), P6; never partly granted.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

#include "../owner_request.hpp"
#include "custom_request.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// The request of `heap.make_all(requests…)`: memory for all of them at once. A task that takes all
/// it needs in one step holds nothing while it waits, so that it cannot deadlock with tasks that do
/// the same.
///
///     auto got = co_await heap.make_all(heap.make<Packet>(7), heap.make_array<int>(9));
///     if (got) auto& [packet, numbers] = *got;      // expected<tuple<Box, Array>, AllocError>
///
/// The requests are of the same heap, and have not begun. The group has one place in the queue, and
/// is granted when all parts fit. The objects are constructed in order, when the result is taken;
/// if a constructor throws, those before it are destroyed, all memory is freed, and the exception
/// is passed on. `too_large`: a part can never be met, or all together might not fit into the empty
/// heap: the sum of their blocks and paddings exceeds it. On a Chain a group may be accepted that
/// no split between its two regions can hold; it then waits for ever. While a group waits, a free
/// may take and give back some of its parts: `grants` and the peak count that. The waker, priority
/// or holding of a part is ignored: set it on the group. O(parts) raw heap operations.
template <class Heap, class... Parts>
class AllWanted {
 public:
  using Owner = std::tuple<typename Parts::Result::value_type...>;

  explicit AllWanted(Parts&&... parts) noexcept(noexcept(std::tuple<Parts...>(std::move(parts)...)))
      : parts_(std::move(parts)...) {}

  template <class Access>
  [[nodiscard]] std::optional<AllocError> error(Access access) const noexcept {
    std::size_t left = access.heap.capacity_bytes();
    for (const Layout layout : layouts()) {
      const auto block = access.heap.check_layout(layout);
      if (!block) return block.error();
      const auto& raw = access.heap.raw();
      constexpr bool has_slots = requires { raw.slot(); };  // each of them aligned
      const std::size_t most =
          taken_bytes(raw, nullptr, block->size) + (has_slots ? 0 : block->align - word_bytes);
      if (most > left && sizeof...(Parts) > 1) return AllocError::too_large;
      left -= most < left ? most : left;
    }
    return std::nullopt;
  }

  template <class Access>
  [[nodiscard]] bool take(Access access) noexcept {
    const auto wanted = layouts();
    for (std::size_t part = 0; part < wanted.size(); ++part) {
      memory_[part] = access.take(wanted[part]);
      if (memory_[part] != nullptr) continue;
      while (part-- > 0) access.give_back(memory_[part], wanted[part]);
      return false;
    }
    return true;
  }

  template <class Access>
  [[nodiscard]] bool undo(Access access) noexcept {
    const auto taken = layouts();
    for (std::size_t part = 0; part < taken.size(); ++part) {
      access.give_later(memory_[part], taken[part]);
    }
    return false;
  }

  template <class Access>
  [[nodiscard]] Owner finish(Access /*access*/) {
    return finish_all(std::index_sequence_for<Parts...>{});
  }

 private:
  [[nodiscard]] std::array<Layout, sizeof...(Parts)> layouts() const noexcept {
    return std::apply([](const Parts&... each) { return std::array{each.layout()...}; }, parts_);
  }

  // The allocations own the memory of the parts that are not constructed yet.
  template <std::size_t... at>
  [[nodiscard]] Owner finish_all(std::index_sequence<at...> /*all*/) {
    const auto taken = layouts();
    std::array<Allocation<Heap>, sizeof...(Parts)> blocks{
        Allocation<Heap>::from_leaked(memory_[at], taken[at])...};
    return Owner{build(std::get<at>(parts_), std::move(blocks[at]))...};
  }
  template <class Part>
  [[nodiscard]] static auto build(Part& part, Allocation<Heap>&& block) {
    if constexpr (requires { part.build(std::move(block)); }) {
      return part.build(std::move(block));
    } else {
      return std::move(block);
    }
  }

  std::tuple<Parts...> parts_;
  std::array<void*, sizeof...(Parts)> memory_{};
};

/// A request for a group, by name.
template <class Heap, class... Parts>
using AllRequest = CustomRequest<Heap, AllWanted<Heap, Parts...>>;

template <RawHeap Raw, QueueLock Queue, QueuePolicy Policy>
template <class... Requests>
auto BasicHeap<Raw, Queue, Policy>::make_all(Requests&&... requests) {
  static_assert(sizeof...(Requests) > 0 && (!std::is_lvalue_reference_v<Requests> && ...),
                "requests that have not begun: heap.make<T>(…), or std::move(request)");
  return AllRequest<BasicHeap, Requests...>(
      *this, AllWanted<BasicHeap, Requests...>(std::move(requests)...));
}

}  // namespace mneme::inline MNEME_SETTINGS
