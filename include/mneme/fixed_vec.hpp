// purpose: a vector with a fixed capacity, allocated once.
// layer: L3; includes L0–L2.
// threads: as its elements.
// invariants: size <= capacity; capacity × sizeof(T) was checked for overflow (P7).
#pragma once

#include <cstddef>
#include <optional>
#include <utility>

#include "owner_request.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// Owns memory for `capacity` T, of which the first `size` exist. Move-only.
template <class T, class Heap = mneme::Heap>
class [[nodiscard]] FixedVec {
 public:
  /// The contents of a vector that was leaked.
  struct Leaked {
    T* data = nullptr;
    std::size_t size = 0;
    std::size_t capacity = 0;
  };

  FixedVec() noexcept = default;
  FixedVec(FixedVec&& other) noexcept : parts_(other.leak()) {}
  FixedVec& operator=(FixedVec other) noexcept {
    std::swap(parts_, other.parts_);
    return *this;
  }
  ~FixedVec() { reset(); }

  [[nodiscard]] std::size_t size() const noexcept { return parts_.size; }
  [[nodiscard]] std::size_t capacity() const noexcept { return parts_.capacity; }
  [[nodiscard]] bool empty() const noexcept { return parts_.size == 0; }
  [[nodiscard]] bool full() const noexcept { return parts_.size == parts_.capacity; }
  [[nodiscard]] T* data() const noexcept { return parts_.data; }
  [[nodiscard]] T* begin() const noexcept { return parts_.data; }
  [[nodiscard]] T* end() const noexcept { return parts_.data + parts_.size; }

  /// The element at `index`, which must be less than size(): fatal in checked builds. O(1).
  [[nodiscard]] T& operator[](std::size_t index) const noexcept {
    fatal_unless(index < parts_.size, "FixedVec: index out of range");
    return parts_.data[index];
  }

  /// Constructs a T behind the last one, and returns it. If full, returns nullptr and leaves the
  /// arguments untouched. O(1).
  template <class... Args>
  [[nodiscard]] T* push(Args&&... args) {
    if (full()) return nullptr;
    T* const object = node::begin_object<T>(parts_.data + parts_.size, std::forward<Args>(args)...);
    ++parts_.size;
    return object;
  }

  /// Removes and returns the last element, or nullopt if empty. O(1).
  [[nodiscard]] std::optional<T> pop() {
    if (empty()) return std::nullopt;
    T& last = parts_.data[parts_.size - 1];
    std::optional<T> out(std::move(last));
    last.~T();
    --parts_.size;
    return out;
  }

  /// Destroys all elements, last first; the capacity stays. O(size).
  void clear() noexcept { destroy_all(parts_); }

  /// Destroys all elements, last first, and frees the memory. Does nothing if it has none. O(size).
  void reset() noexcept {
    Leaked parts = leak();
    if (parts.data == nullptr) return;
    Heap* const heap = misuse::heap_of<Heap>(parts.data);
    destroy_all(parts);
    (heap->free)(parts.data, *Layout::array<T>(parts.capacity));
  }

  /// Releases ownership of memory and elements; from_leaked makes an owner again.
  [[nodiscard]] Leaked leak() noexcept { return std::exchange(parts_, {}); }
  static FixedVec from_leaked(Leaked parts) noexcept {
    FixedVec vec;
    vec.parts_ = parts;
    return vec;
  }

 private:
  static void destroy_all(Leaked& parts) noexcept {
    while (parts.size > 0) parts.data[--parts.size].~T();
  }

  Leaked parts_{};
};

/// `make_fixed_vec<T>(capacity)`: a request for an empty FixedVec<T>. Errors: as Request
/// (`too_large` also if capacity × sizeof(T) overflows).
template <RawHeap Raw, QueueLock Queue>
template <class T>
auto BasicHeap<Raw, Queue>::make_fixed_vec(std::size_t capacity) noexcept {
  auto build = [capacity](Allocation<BasicHeap> block) {
    T* const data = node::object_at<T>(block.leak());
    return FixedVec<T, BasicHeap>::from_leaked({data, 0, capacity});
  };
  return OwnerRequest<BasicHeap, decltype(build)>(*this, Layout::array<T>(capacity), build);
}

}  // namespace mneme::inline MNEME_SETTINGS

#include "heap.hpp"  // last: a program may include this header alone
