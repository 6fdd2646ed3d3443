// purpose: a vector with a fixed capacity, allocated once.
// layer: L3; includes L0–L2.
// threads: as its elements.
// invariants: size <= capacity; capacity × sizeof(T) was checked for overflow (P7).
#pragma once

#include <cstddef>
#include <optional>
#include <type_traits>
#include <utility>

#include "owner_request.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// What Array and FixedVec have in common: T in a row, as algorithms expect them. A const owner
/// gives access to elements that are not const, as a pointer does. `Parts` is what leak() returns.
template <class T, class Parts>
class Row {
 public:
  using value_type = std::remove_cv_t<T>;
  using Leaked = Parts;

  [[nodiscard]] std::size_t size() const noexcept { return parts_.size; }
  [[nodiscard]] bool empty() const noexcept { return parts_.size == 0; }
  [[nodiscard]] T* data() const noexcept { return parts_.data; }
  [[nodiscard]] T* begin() const noexcept { return parts_.data; }
  [[nodiscard]] T* end() const noexcept { return parts_.data + parts_.size; }
  [[nodiscard]] T& front() const noexcept { return (*this)[0]; }
  [[nodiscard]] T& back() const noexcept { return (*this)[parts_.size - 1]; }

  /// The element at `index`, which must be less than size(): fatal in checked builds. O(1).
  [[nodiscard]] T& operator[](std::size_t index) const noexcept {
    fatal_unless(index < parts_.size, Parts::out_of_range);
    return parts_.data[index];
  }
  friend bool operator==(const Row& a, const Row& b) {
    bool is_equal = a.size() == b.size();
    for (std::size_t i = 0; is_equal && i < a.size(); ++i) is_equal = a[i] == b[i];
    return is_equal;
  }

  /// Releases ownership of memory and elements; from_leaked makes an owner again.
  [[nodiscard]] Parts leak() noexcept { return std::exchange(parts_, {}); }

 protected:
  Row() noexcept = default;
  Row(Row&& other) noexcept : parts_(other.leak()) {}
  ~Row() = default;

  Parts parts_{};
};

template <class T>
struct VecParts {
  static constexpr const char* out_of_range = "FixedVec: index out of range";

  T* data = nullptr;
  std::size_t size = 0;
  std::size_t capacity = 0;
};

/// Owns memory for `capacity` T, of which the first `size` exist. Move-only.
template <class T, class Heap = mneme::Heap>
class [[nodiscard]] FixedVec : public Row<T, VecParts<T>> {
  using Row<T, VecParts<T>>::parts_;

 public:
  using typename Row<T, VecParts<T>>::Leaked;

  FixedVec() noexcept = default;
  FixedVec(FixedVec&& other) noexcept = default;
  FixedVec& operator=(FixedVec other) noexcept {
    std::swap(parts_, other.parts_);
    return *this;
  }
  ~FixedVec() { reset(); }

  [[nodiscard]] std::size_t capacity() const noexcept { return parts_.capacity; }
  [[nodiscard]] bool full() const noexcept { return parts_.size == parts_.capacity; }

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
    if (this->empty()) return std::nullopt;
    T& last = parts_.data[parts_.size - 1];
    std::optional<T> out(std::move(last));
    node::end_object(last);
    --parts_.size;
    return out;
  }

  // As in std::vector, for algorithms; but exceeding the capacity is fatal in checked builds.
  void push_back(T value) { has_room(push(std::move(value)) != nullptr); }
  template <class Range>
  void append_range(Range&& range) {
    for (auto&& each : range) push_back(std::forward<decltype(each)>(each));
  }
  T* insert(T* place, T value) {
    push_back(std::move(value));
    for (T* at = this->end() - 1; at > place; --at) std::swap(at[0], at[-1]);
    return place;
  }
  T* erase(T* first, T* last) {
    T* to = first;
    for (T* from = last; first != last && from != this->end(); ++from) *to++ = std::move(*from);
    if (first != last) destroy_from(static_cast<std::size_t>(to - parts_.data), parts_);
    return first;
  }
  T* erase(T* place) { return erase(place, place + 1); }
  void resize(std::size_t size) {
    destroy_from(size, parts_);
    while (parts_.size < size && push() != nullptr) {
    }
    has_room(parts_.size == size);
  }

  /// Destroys all elements, last first; the capacity stays. O(size).
  void clear() noexcept { destroy_from(0, parts_); }

  /// Destroys all elements, last first, and frees the memory. Does nothing if it has none. O(size).
  void reset() noexcept {
    Leaked parts = this->leak();
    if (parts.data == nullptr) return;
    Heap* const heap = misuse::heap_of<Heap>(parts.data);
    destroy_from(0, parts);
    (heap->free)(parts.data, *Layout::array<T>(parts.capacity));
  }

  static FixedVec from_leaked(Leaked parts) noexcept {
    FixedVec vec;
    vec.parts_ = parts;
    return vec;
  }

 private:
  static void destroy_from(std::size_t size, Leaked& parts) noexcept {
    while (parts.size > size) node::end_object(parts.data[--parts.size]);
  }
  static void has_room(bool has) noexcept {
    fatal_unless(has, "FixedVec: no room for another element");
  }
};

template <class T, class Heap>
struct BuildFixedVec {
  static auto layout(std::size_t count) noexcept { return Layout::array<T>(count); }
  FixedVec<T, Heap> operator()(Allocation<Heap> block) const noexcept {
    return FixedVec<T, Heap>::from_leaked({node::object_at<T>(block.leak()), 0, capacity});
  }
  std::size_t capacity;
};
template <class T, class Heap = mneme::Heap>
using FixedVecRequest = OwnerRequest<Heap, BuildFixedVec<T, Heap>>;

/// `make_fixed_vec<T>(capacity)`: a request for an empty FixedVec<T>. Errors: as Request
/// (`too_large` also if capacity × sizeof(T) overflows).
template <RawHeap Raw, QueueLock Queue, QueuePolicy Policy>
template <class T>
auto BasicHeap<Raw, Queue, Policy>::make_fixed_vec(std::size_t capacity) noexcept {
  return FixedVecRequest<T, BasicHeap>(*this, capacity);
}

}  // namespace mneme::inline MNEME_SETTINGS

#include "heap.hpp"  // last: a program may include this header alone
