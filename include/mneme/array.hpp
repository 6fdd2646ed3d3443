// purpose: the sole owner of a number of objects in a row.
// layer: L3; includes L0–L2 and fixed_vec.
// threads: as its elements.
// invariants: the count travels in the handle, so an array costs one word like all else (P10).
#pragma once

#include <cstddef>
#include <utility>

#include "fixed_vec.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// Owns `size` T, all value-initialised at first. Move-only. A count of zero is legal.
template <class T, class Heap = mneme::Heap>
class [[nodiscard]] Array {
 public:
  /// The two parts of an array, also of one that was let go of.
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

  /// The element at `index`, which must be below size().
  [[nodiscard]] T& operator[](std::size_t index) const noexcept {
    fatal_unless(index < parts_.size, "Array: index out of range");
    return parts_.data[index];
  }

  /// Destroys the elements, last first, and frees their memory; nothing if empty-handed.
  void reset() noexcept {
    const Leaked parts = leak();
    FixedVec<T, Heap>::from_leaked({parts.data, parts.size, parts.size}).reset();
  }

  /// Lets go of the elements; from_leaked takes them over again.
  [[nodiscard]] Leaked leak() noexcept { return std::exchange(parts_, {}); }
  static Array from_leaked(Leaked parts) noexcept {
    Array array;
    array.parts_ = parts;
    return array;
  }

 private:
  Leaked parts_{};
};

/// `make_array<T>(count)`: a request for `count` value-initialised T. `too_large` if count ×
/// sizeof(T) overflows.
template <RawHeap Raw, QueueLock Queue>
template <class T>
auto BasicHeap<Raw, Queue>::make_array(std::size_t count) noexcept {
  auto build = [count](Allocation<BasicHeap> block) {
    // Filled as a vector, so that elements built so far are destroyed if a constructor throws.
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
