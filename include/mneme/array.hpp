// purpose: the sole owner of an array of objects.
// layer: L3; includes L0–L2 and fixed_vec.
// threads: as its elements.
// invariants: the count is in the owner, so an array too has an overhead of one word (P10).
#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

#include "fixed_vec.hpp"

namespace mneme::inline MNEME_SETTINGS {

template <class T>
struct ArrayParts {
  static constexpr const char* out_of_range = "Array: index out of range";

  T* data = nullptr;
  std::size_t size = 0;
};

/// Owns `size` T, which exist as long as it does. Move-only. A size of zero is legal.
template <class T, class Heap = mneme::Heap>
class [[nodiscard]] Array : public Row<T, ArrayParts<T>> {
  using Row<T, ArrayParts<T>>::parts_;

 public:
  using typename Row<T, ArrayParts<T>>::Leaked;

  Array() noexcept = default;
  Array(Array&& other) noexcept = default;
  Array& operator=(Array other) noexcept {
    std::swap(parts_, other.parts_);
    return *this;
  }
  ~Array() { reset(); }

  [[nodiscard]] explicit operator bool() const noexcept { return parts_.data != nullptr; }

  /// Destroys the elements, last first, and frees their memory. Does nothing if empty. O(size).
  void reset() noexcept {
    const Leaked parts = this->leak();
    FixedVec<T, Heap>::from_leaked({parts.data, parts.size, parts.size}).reset();
  }

  static Array from_leaked(Leaked parts) noexcept {
    Array array;
    array.parts_ = parts;
    return array;
  }
};

// How an array begins: with T(); with what is there already, if T needs no constructor; as a copy.
struct ByValue {
  void operator()(auto& vec) const { vec.resize(vec.capacity()); }
};
struct ForOverwrite {
  template <class T, class Heap>
  void operator()(FixedVec<T, Heap>& vec) const {
    auto parts = vec.leak();
    if (std::is_trivially_default_constructible_v<T>) parts.size = parts.capacity;
    vec = FixedVec<T, Heap>::from_leaked(parts);
    vec.resize(parts.capacity);
  }
};
template <class Range>
struct CopyOf {
  void operator()(auto& vec) const { vec.append_range(range); }
  Range range;
};

template <class T, class Heap, class Fill = ByValue>
struct BuildArray {
  static auto layout(std::size_t count, const Fill& = {}) noexcept {
    return Layout::array<T>(count);
  }
  Array<T, Heap> operator()(Allocation<Heap> block) const {
    // A vector destroys the elements that exist so far if a constructor throws.
    auto vec = BuildFixedVec<T, Heap>{count}(std::move(block));
    fill(vec);
    fatal_unless(vec.full(), "make_array: the range became shorter");
    return Array<T, Heap>::from_leaked({vec.leak().data, count});
  }
  std::size_t count;
  [[no_unique_address]] Fill fill{};
};
template <class T, class Heap = mneme::Heap, class Fill = ByValue>
using ArrayRequest = OwnerRequest<Heap, BuildArray<T, Heap, Fill>>;

/// `make_array<T>(count)`: a request for an Array of `count` value-initialised T. Errors: as
/// Request (`too_large` also if count × sizeof(T) overflows), and what a constructor throws.
template <RawHeap Raw, QueueLock Queue, QueuePolicy Policy>
template <class T>
auto BasicHeap<Raw, Queue, Policy>::make_array(std::size_t count) noexcept {
  return ArrayRequest<T, BasicHeap>(*this, count);
}

/// The same, but nothing is written to elements that need no constructor.
template <RawHeap Raw, QueueLock Queue, QueuePolicy Policy>
template <class T>
auto BasicHeap<Raw, Queue, Policy>::make_array_for_overwrite(std::size_t count) noexcept {
  return ArrayRequest<T, BasicHeap, ForOverwrite>(*this, count);
}

/// The same with copies of the elements of `range`, which is kept by value until the grant.
template <RawHeap Raw, QueueLock Queue, QueuePolicy Policy>
template <class T, class Range>
  requires requires(const Range& range) { std::size(range), std::begin(range); }
auto BasicHeap<Raw, Queue, Policy>::make_array(Range range) {
  const std::size_t count = std::size(range);
  return ArrayRequest<T, BasicHeap, CopyOf<Range>>(*this, count, CopyOf<Range>{std::move(range)});
}

template <RawHeap Raw, QueueLock Queue, QueuePolicy Policy>
template <class T>
auto BasicHeap<Raw, Queue, Policy>::try_make_array(std::size_t count) {
  return try_build<BuildArray<T, BasicHeap>>(*this, count);  // waiting/try_allocate.hpp
}

}  // namespace mneme::inline MNEME_SETTINGS

#include "heap.hpp"  // last: a program may include this header alone
