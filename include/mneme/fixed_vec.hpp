// purpose: a vector that never grows: its room is asked for once.
// room: L3; includes L0–L2.
// threads: as its elements.
// invariants: size <= capacity; capacity × sizeof(T) was checked when the room was asked for (P7).
#pragma once

#include <cstddef>
#include <optional>
#include <utility>

#include "owner_request.hpp"

namespace mneme {

/// Owns room for `capacity` T, of which the first `size` exist. Move-only.
template <class T, class Heap = mneme::Heap>
class [[nodiscard]] FixedVec {
 public:
  FixedVec() noexcept = default;
  FixedVec(FixedVec&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  FixedVec& operator=(FixedVec&& other) noexcept {
    if (this != &other) {
      reset();
      data_ = std::exchange(other.data_, nullptr);
      size_ = std::exchange(other.size_, 0);
      capacity_ = std::exchange(other.capacity_, 0);
    }
    return *this;
  }
  ~FixedVec() { reset(); }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] bool full() const noexcept { return size_ == capacity_; }
  [[nodiscard]] T* data() const noexcept { return data_; }
  [[nodiscard]] T* begin() const noexcept { return data_; }
  [[nodiscard]] T* end() const noexcept { return data_ + size_; }

  /// The element at `index`, which must be below size().
  [[nodiscard]] T& operator[](std::size_t index) const noexcept {
    check(index < size_, "FixedVec: index out of range");
    return data_[index];
  }

  /// Builds a T behind the last one; nullptr, and the arguments untouched, if full. O(1).
  template <class... Args>
  [[nodiscard]] T* push(Args&&... args) {
    if (full()) return nullptr;
    T* const object = node::begin_object<T>(data_ + size_, std::forward<Args>(args)...);
    ++size_;
    return object;
  }

  /// Takes the last element out, if there is one. O(1).
  [[nodiscard]] std::optional<T> pop() {
    if (empty()) return std::nullopt;
    T& last = data_[size_ - 1];
    std::optional<T> out(std::move(last));
    last.~T();
    --size_;
    return out;
  }

  /// Destroys all elements, last first; keeps the room. O(size).
  void clear() noexcept {
    while (size_ > 0) data_[--size_].~T();
  }

  /// Destroys all elements and frees the room; nothing if it has none.
  void reset() noexcept {
    clear();
    if (T* const data = std::exchange(data_, nullptr); data != nullptr) {
      misuse::heap_of<Heap>(data)->free(data, *Layout::array<T>(std::exchange(capacity_, 0)));
    }
  }

  /// The three parts of a vector that was let go of.
  struct Leaked {
    T* data;
    std::size_t size;
    std::size_t capacity;
  };

  /// Lets go of room and elements; from_leaked takes them over again.
  [[nodiscard]] Leaked leak() noexcept {
    return {std::exchange(data_, nullptr), std::exchange(size_, 0), std::exchange(capacity_, 0)};
  }
  static FixedVec from_leaked(Leaked parts) noexcept {
    FixedVec vec;
    vec.data_ = parts.data;
    vec.size_ = parts.size;
    vec.capacity_ = parts.capacity;
    return vec;
  }

 private:
  T* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

/// `make_fixed_vec<T>(capacity)`: a request for an empty FixedVec<T>. `too_large` if capacity ×
/// sizeof(T) overflows.
template <RawHeap Raw, ShortLock Short>
template <class T>
auto BasicHeap<Raw, Short>::make_fixed_vec(std::size_t capacity) noexcept {
  auto build = [capacity](Block<BasicHeap> block) {
    T* const data = node::as<T>(static_cast<std::byte*>(block.leak()));
    return FixedVec<T, BasicHeap>::from_leaked({data, 0, capacity});
  };
  return OwnerRequest<BasicHeap, decltype(build)>(*this, Layout::array<T>(capacity), build);
}

}  // namespace mneme
