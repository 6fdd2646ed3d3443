// purpose: makes an owner's memory longer or shorter, in place or elsewhere; it may wait.
// layer: L2; includes L0, L1 and custom_request.
// threads: as a request; the owner's task may use the old memory while it waits.
// invariants: P1–P5; until the result is taken, the owner and its bytes are as they were.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <type_traits>

#include "custom_request.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// Where the memory is after a reallocation.
enum class Reallocated : std::uint8_t {
  in_place,
  moved,  ///< pointers to the old memory are invalid
};

/// How reallocate sees an owner: Array and FixedVec. Elements are bytes to it, so that it can move
/// them; new ones of an Array are value-initialised, and those that have no room any more are lost.
template <class Owner>
struct OwnedMemory;
template <template <class, class> class Row, class T, class AnyHeap>
struct OwnedMemory<Row<T, AnyHeap>> {
  using Owner = Row<T, AnyHeap>;
  using Heap = AnyHeap;
  static_assert(std::is_trivially_copyable_v<T> && !std::is_const_v<T>,
                "reallocate moves elements as bytes");

  [[nodiscard]] static std::expected<Layout, AllocError> with(const Owner& /*owner*/,
                                                              std::size_t count) noexcept {
    return Layout::array<T>(count);
  }
  [[nodiscard]] static Layout now(const Owner& owner) noexcept {
    if constexpr (requires { owner.capacity(); }) return *Layout::array<T>(owner.capacity());
    return *Layout::array<T>(owner.size());
  }
  static void replace(Owner& owner, void* data, std::size_t count) noexcept {
    auto parts = owner.leak();
    parts.data = node::object_at<T>(data);
    if (parts.size > count) parts.size = count;
    if constexpr (requires { parts.capacity; }) {
      parts.capacity = count;
    } else {
      static_assert(std::is_nothrow_default_constructible_v<T>, "of an Array that becomes longer");
      while (parts.size < count) (void)node::begin_object<T>(parts.data + parts.size++);
    }
    owner = Owner::from_leaked(parts);
  }
};
template <class AnyHeap>
struct OwnedMemory<Allocation<AnyHeap>> {
  using Heap = AnyHeap;
  [[nodiscard]] static std::expected<Layout, AllocError> with(const Allocation<AnyHeap>& owner,
                                                              std::size_t count) noexcept {
    return Layout{count, owner.layout().align};
  }
  [[nodiscard]] static Layout now(const Allocation<AnyHeap>& owner) noexcept {
    return owner.layout();
  }
  static void replace(Allocation<AnyHeap>& owner, void* data, std::size_t count) noexcept {
    (void)owner.leak();
    owner = Allocation<AnyHeap>::from_leaked(data, {count, owner.layout().align});
  }
};

/// The request of `heap.reallocate(owner, count)`: memory for `count` bytes of an Allocation, or
/// elements of an Array or FixedVec of trivially copyable elements. An empty owner gets its first.
///
///     auto done = co_await heap.reallocate(buffer, 512).until(timer.at(deadline));
///     if (!done) …                              // buffer is as it was: expected<Reallocated, …>
///
/// It becomes shorter at once, whoever waits, even if the heap is locked or closed; by a single
/// word only if the lock is free. It becomes longer at once in place if there is room behind it and
/// nobody waits. Otherwise the request waits in the queue as any other, and is granted when there
/// is room behind the block or for a new one. Until the result is taken, the owner has the old
/// memory, to read and to write; it must not be moved, changed or destroyed meanwhile: fatal in
/// checked builds, as far as that is seen. Then the bytes are copied to the new place, if it has
/// one, and the old one is freed.
///
/// Errors: as Request, and `too_large` also if there can be no room while the old block lives,
/// because it lies in the way of the new one. One that waits is granted at the latest when all
/// other blocks have been freed, whatever its alignment. With any error the owner and its bytes are
/// as they were. A change by a single word that cannot be made at once keeps the heap locked from
/// the grant until the result is taken. O(raw heap) for each try, and O(bytes) to move.
template <class Heap, class AnyOwner>
class ReallocationWanted {
 public:
  using Owner = Reallocated;
  using Memory = OwnedMemory<AnyOwner>;
  static_assert(std::is_same_v<typename Memory::Heap, Heap>, "an owner in another type of heap");

  ReallocationWanted(AnyOwner& owner, std::size_t count) noexcept : owner_(&owner), count_(count) {}

  template <class Access>
  [[nodiscard]] std::optional<AllocError> error(Access access) noexcept {
    const auto to = Memory::with(*owner_, count_);
    if (!to) return to.error();
    const auto block = access.heap.check_layout(*to);
    if (!block) return block.error();
    old_ = owner_->data();
    to_ = *to;
    if (old_ == nullptr) return std::nullopt;
    from_ = Memory::now(*owner_);
    if (access.may_fit(old_, from_, to_)) return std::nullopt;
    return AllocError::too_large;
  }

  template <class Access>
  [[nodiscard]] bool done_at_once(Access access) noexcept {
    if (old_ == nullptr) return false;
    if (access.heap.try_resize(old_, from_, to_)) return true;
    if (to_.size > from_.size && access.rest_bytes(old_, to_, from_) > 0) return false;
    if (access.rest_bytes(old_, from_, to_) == word_bytes) return false;
    access.cut_off(old_, from_, to_);
    access.post_work();
    return true;
  }

  template <class Access>
  [[nodiscard]] bool take(Access access) noexcept {
    if (!take_part(access)) return false;
    if (has_lock_) access.lend_lock();
    return true;
  }

  template <class Access>
  [[nodiscard]] bool undo(Access access) noexcept {
    if (new_ != nullptr) {
      access.give_later(new_, to_);
    } else if (!has_lock_) {
      access.cut_off(old_, to_, from_);
    } else if (to_.size > from_.size) {
      (void)access.resize(old_, to_, from_);
    }
    return has_lock_;
  }

  template <class Access>
  [[nodiscard]] Owner finish(Access access) noexcept {
    fatal_unless(owner_->data() == old_ && (old_ == nullptr || Memory::now(*owner_) == from_),
                 "an owner was changed while its reallocation waited");
    if (has_lock_) {
      if (to_.size < from_.size) (void)access.resize(old_, from_, to_);
      access.return_lock();
    }
    if (new_ == nullptr) {
      Memory::replace(*owner_, old_, count_);
      return Reallocated::in_place;
    }
    if (old_ != nullptr) {
      const std::size_t kept = from_.size < to_.size ? from_.size : to_.size;
      __builtin_memcpy(new_, old_, kept);
    }
    Memory::replace(*owner_, new_, count_);
    if (old_ != nullptr) (access.heap.free)(old_, from_);
    return Reallocated::moved;
  }

  // As a part of make_all().

  /// The bytes that surely stay free in one piece for other parts, if all else is free. It is taken
  /// before these, in place or before its old block, which lives on until the end.
  template <class Access>
  [[nodiscard]] std::size_t left_bytes(Access access) const noexcept {
    const auto& raw = access.heap.raw();
    const std::size_t all = access.heap.capacity_bytes();
    const BlockLayout block = *BlockLayout::with_header(to_);
    const auto rest = [](std::size_t of, std::size_t without) noexcept {
      return of < without ? 0 : of - without;
    };
    const auto taken = [&](Layout layout) noexcept {
      const std::size_t size = BlockLayout::size_with_header(layout.size);
      return taken_bytes(raw, old_ != nullptr ? node::block_of(old_) : nullptr, size);
    };
    constexpr bool has_slots = requires { raw.slot(); };
    if (has_slots) return rest(all, taken(to_));
    const std::size_t most = taken(to_) + block.align - word_bytes;
    if (old_ == nullptr) return rest(all, most);
    const std::size_t before = address_of(node::block_of(old_)) - address_of(raw.base());
    if (before > all) return rest(all, most);  // in another bank of a Chain
    const auto larger = [](std::size_t one, std::size_t other) noexcept {
      return one < other ? other : one;
    };
    const std::size_t longest = larger(taken(from_), taken(to_));
    const std::size_t in_place = larger(before, rest(all, before + longest));
    const std::size_t moved = larger(rest(before, most), rest(all, before + taken(from_)));
    if (taken(to_) > before || to_.size <= from_.size) return in_place;
    return longest > rest(all, before) || moved < in_place ? moved : in_place;
  }
  /// Lock held: as take(), but for the lock that it may need then.
  template <class Access>
  [[nodiscard]] bool take_part(Access access) noexcept {
    const bool is_shorter = to_.size < from_.size;
    new_ = nullptr;
    has_lock_ = false;
    if (old_ != nullptr && (is_shorter || access.resize(old_, from_, to_))) {
      // A single word cannot be cut off again if this is cancelled, but with the lock.
      has_lock_ = is_shorter || access.rest_bytes(old_, to_, from_) == word_bytes;
      return true;
    }
    new_ = access.take(to_);
    return new_ != nullptr;
  }
  [[nodiscard]] bool needs_lock() const noexcept { return has_lock_; }
  /// Lock held: undoes take_part().
  template <class Access>
  void put_back(Access access) noexcept {
    if (new_ != nullptr) {
      access.give_back(new_, to_);
    } else if (to_.size > from_.size) {
      (void)access.resize(old_, to_, from_);
    }
  }

 private:
  AnyOwner* owner_;
  std::size_t count_;
  void* old_ = nullptr;
  void* new_ = nullptr;  // if it could not be done in place
  Layout from_{};
  Layout to_{};
  bool has_lock_ = false;
};

/// A request for other memory of an owner, by name.
template <class Owner, class Heap = mneme::Heap>
using Reallocation = CustomRequest<Heap, ReallocationWanted<Heap, Owner>>;

template <RawHeap Raw, QueueLock Queue, QueuePolicy Policy>
template <class Owner>
auto BasicHeap<Raw, Queue, Policy>::reallocate(Owner& owner, std::size_t count) noexcept {
  return Reallocation<Owner, BasicHeap>(*this, {owner, count});
}

}  // namespace mneme::inline MNEME_SETTINGS
