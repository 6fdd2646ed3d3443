// purpose: the sole owner of one object in a heap.
// layer: L3; includes L0–L2.
// threads: as T; it may be destroyed on any thread, and in interrupts if T's destructor may.
// invariants: as small as a pointer; the word before the object leads to the heap (P10).
#pragma once

#include <utility>

#include "owner_request.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// Owns one T. Move-only. An empty box (moved from) owns nothing.
template <class T, class Heap = mneme::Heap>
class [[nodiscard]] Box {
 public:
  Box() noexcept = default;
  Box(Box&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Box& operator=(Box other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Box() { reset(); }

  [[nodiscard]] T& operator*() const noexcept { return *object_; }
  [[nodiscard]] T* operator->() const noexcept { return object_; }
  [[nodiscard]] T* get() const noexcept { return object_; }
  [[nodiscard]] explicit operator bool() const noexcept { return object_ != nullptr; }

  /// Destroys the object and frees its memory, as Heap::free. Does nothing if empty.
  void reset() noexcept {
    if (T* const object = std::exchange(object_, nullptr); object != nullptr) {
      Heap* const heap = misuse::heap_of<Heap>(object);
      object->~T();
      (heap->free)(object, Layout::of<T>());
    }
  }

  /// Releases ownership without destroying the object; from_leaked makes an owner again.
  [[nodiscard]] T* leak() noexcept { return std::exchange(object_, nullptr); }
  static Box from_leaked(T* object) noexcept { return Box(object); }

 private:
  explicit Box(T* object) noexcept : object_(object) {}

  T* object_ = nullptr;
};

static_assert(sizeof(Box<int>) == sizeof(void*));

/// `make<T>(args…)`: a request for a Box<T>. The arguments are copied or moved into it, and T is
/// constructed from them on the thread that takes the result. Errors: as Request, and what the
/// constructor throws; then the memory is freed.
template <RawHeap Raw, QueueLock Queue>
template <class T, class... Args>
auto BasicHeap<Raw, Queue>::make(Args&&... args) {
  return request_object<T>(
      *this, [](T* object) noexcept { return Box<T, BasicHeap>::from_leaked(object); },
      std::forward<Args>(args)...);
}

}  // namespace mneme::inline MNEME_SETTINGS

#include "heap.hpp"  // last: a program may include this header alone
