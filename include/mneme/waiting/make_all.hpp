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
/// The requests are of the same heap, and have not begun. One of them may be a `reallocate`. The
/// group has one place in the queue, and is granted when all parts fit. The objects are constructed
/// in order, when the result is taken, and then an owner's memory is replaced; if a constructor
/// throws, those before it are destroyed, all memory is freed, the owner is as it was, and the
/// exception is passed on. `too_large`: a part can never be met, or all together might not fit into
/// the heap if all else is free: the sum of their blocks and paddings exceeds it, or, beside the
/// block of a `reallocate`, the largest piece that is sure to be left. On a Chain a group may be
/// accepted that no split between its two regions can hold; it then waits for ever. While a group
/// waits, a free may take and give back some of its parts: `grants` and the peak count that. The
/// waker, priority or holding of a part is ignored: set it on the group. O(parts) raw heap
/// operations.
template <class Heap, class... Parts>
class AllWanted {
 public:
  using Owner = std::tuple<typename Parts::Result::value_type...>;

  explicit AllWanted(Parts&&... parts) noexcept(noexcept(std::tuple<Parts...>(std::move(parts)...)))
      : parts_(std::move(parts)...) {}

  template <class Access>
  [[nodiscard]] std::optional<AllocError> error(Access access) noexcept {
    std::size_t left = access.heap.capacity_bytes();
    if constexpr (has_reallocation) {
      if (const auto error = reallocation().error(access)) return error;
      left = reallocation().left_bytes(access);
    }
    const auto all = layouts();
    for (std::size_t part = 0; part < all.size(); ++part) {
      if (part == reallocation_at) continue;
      const Layout layout = all[part];
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
    if (!take_parts(access)) {
      // A part may have been placed in the middle of what a quarantine keeps from being one hole.
      constexpr bool has_quarantine = requires { access.heap.raw().end_quarantine(); };
      if constexpr (has_quarantine) access.heap.raw().end_quarantine();
      if (!has_quarantine || !take_parts(access)) return false;
    }
    if constexpr (has_reallocation) {
      if (reallocation().needs_lock()) access.lend_lock();
    }
    return true;
  }

  template <class Access>
  [[nodiscard]] bool undo(Access access) noexcept {
    const auto taken = layouts();
    for (std::size_t part = 0; part < taken.size(); ++part) {
      if (part != reallocation_at) access.give_later(memory_[part], taken[part]);
    }
    if constexpr (has_reallocation) return reallocation().undo(access);
    return false;
  }

  template <class Access>
  [[nodiscard]] Owner finish(Access access) {
    if constexpr (has_reallocation) {
      Undo<Access> unless_finished{this, access};
      Owner owners = finish_all(std::index_sequence_for<Parts...>{});
      unless_finished.all = nullptr;
      std::get<reallocation_at>(owners) = reallocation().finish(access);
      return owners;
    } else {
      return finish_all(std::index_sequence_for<Parts...>{});
    }
  }

 private:
  template <class Part>
  static constexpr bool is_reallocation = requires(Part& part) { part.wanted().needs_lock(); };
  static constexpr std::size_t reallocations = (std::size_t{is_reallocation<Parts>} + ...);
  static_assert(reallocations <= 1, "make_all: more than one part is a reallocate");
  static constexpr bool has_reallocation = reallocations == 1;
  /// The part that is a reallocation; if none is, the number of parts.
  static constexpr std::size_t reallocation_at = [] {
    std::size_t at = 0;
    (void)((is_reallocation<Parts> || (++at, false)) || ...);
    return at;
  }();
  [[nodiscard]] auto& reallocation() noexcept { return std::get<reallocation_at>(parts_).wanted(); }

  /// Takes all parts, or none.
  template <class Access>
  [[nodiscard]] bool take_parts(Access access) noexcept {
    if constexpr (has_reallocation) {
      if (!reallocation().take_part(access)) return false;
    }
    const auto wanted = layouts();
    for (std::size_t part = 0; part < wanted.size(); ++part) {
      if (part == reallocation_at) continue;
      memory_[part] = access.take(wanted[part]);
      if (memory_[part] != nullptr) continue;
      while (part-- > 0) {
        if (part != reallocation_at) access.give_back(memory_[part], wanted[part]);
      }
      if constexpr (has_reallocation) reallocation().put_back(access);
      return false;
    }
    return true;
  }

  /// For a constructor that throws.
  template <class Access>
  struct Undo {
    AllWanted* all;
    Access access;
    ~Undo() {
      if (all == nullptr) return;
      all->reallocation().undo(access) ? access.return_lock() : access.post_work();
    }
  };

  [[nodiscard]] std::array<Layout, sizeof...(Parts)> layouts() const noexcept {
    const auto layout_of = []<class Part>(const Part& part) noexcept {
      if constexpr (is_reallocation<Part>) return Layout{};
      if constexpr (!is_reallocation<Part>) return part.layout();
    };
    return std::apply([&](const Parts&... each) { return std::array{layout_of(each)...}; }, parts_);
  }

  // The allocations own the memory of the parts that are not constructed yet.
  template <std::size_t... at>
  [[nodiscard]] Owner finish_all(std::index_sequence<at...> /*all*/) {
    const auto taken = layouts();
    std::array<Allocation<Heap>, sizeof...(Parts)> blocks{
        at == reallocation_at ? Allocation<Heap>()
                              : Allocation<Heap>::from_leaked(memory_[at], taken[at])...};
    return Owner{build(std::get<at>(parts_), std::move(blocks[at]))...};
  }
  template <class Part>
  [[nodiscard]] static auto build(Part& part, Allocation<Heap>&& block) {
    if constexpr (is_reallocation<Part>) {
      return typename Part::Owner{};  // replaced at the end
    } else if constexpr (requires { part.build(std::move(block)); }) {
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
