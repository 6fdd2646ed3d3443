// purpose: the sole owner of an array of objects.
// layer: L3; includes L0–L2 and fixed_vec.
// threads: as its elements.
// invariants: the count is in the owner, so an array too has an overhead of one word (P10).
#pragma once

#include <cstddef>
#include <utility>

#include "fixed_vec.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// Owns `size` T, which are value-initialised at first. Move-only. A size of zero is legal.
template <class T, class Heap = mneme::Heap>
class [[nodiscard]] Array {
 public:
  /// The contents of an array that was leaked.
  struct Leaked {
    T* data = nullptr;
    std::size_t size = 0;
  };

  Array() noexcept = default;
  Array(Array&& other) noexcept : parts_(other.leak()) {}
  Array& operator=(Array other) noexcept {
    std::swap(parts_, other.parts_);
    return *this;
  }
  ~Array() { reset(); }

  [[nodiscard]] std::size_t size() const noexcept { return parts_.size; }
  [[nodiscard]] T* data() const noexcept { return parts_.data; }
  [[nodiscard]] T* begin() const noexcept { return parts_.data; }
  [[nodiscard]] T* end() const noexcept { return parts_.data + parts_.size; }
  [[nodiscard]] explicit operator bool() const noexcept { return parts_.data != nullptr; }

  /// The element at `index`, which must be less than size(): fatal in checked builds. O(1).
  [[nodiscard]] T& operator[](std::size_t index) const noexcept {
    fatal_unless(index < parts_.size, "Array: index out of range");
    return parts_.data[index];
  }

  /// Destroys the elements, last first, and frees their memory. Does nothing if empty. O(size).
  void reset() noexcept {
    const Leaked parts = leak();
    FixedVec<T, Heap>::from_leaked({parts.data, parts.size, parts.size}).reset();
  }

  /// Releases ownership without destroying the elements; from_leaked makes an owner again.
  [[nodiscard]] Leaked leak() noexcept { return std::exchange(parts_, {}); }
  static Array from_leaked(Leaked parts) noexcept {
    Array array;
    array.parts_ = parts;
    return array;
  }

 private:
  Leaked parts_{};
};

/// `make_array<T>(count)`: a request for an Array of `count` value-initialised T. Errors: as
/// Request
/// (`too_large` also if count × sizeof(T) overflows), and what a constructor throws.
template <RawHeap Raw, QueueLock Queue>
template <class T>
auto BasicHeap<Raw, Queue>::make_array(std::size_t count) noexcept {
  auto build = [count](Allocation<BasicHeap> block) {
    // A vector destroys the elements that exist so far if a constructor throws.
    T* const data = node::object_at<T>(block.leak());
    auto vec = FixedVec<T, BasicHeap>::from_leaked({data, 0, count});
    while (vec.push() != nullptr) {
    }
    return Array<T, BasicHeap>::from_leaked({vec.leak().data, count});
  };
  return OwnerRequest<BasicHeap, decltype(build)>(*this, Layout::array<T>(count), build);
}

}  // namespace mneme::inline MNEME_SETTINGS

#include "heap.hpp"  // last: a program may include this header alone
