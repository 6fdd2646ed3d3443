// purpose: the sole owner of one object in a heap.
// layer: L3; includes L0–L2.
// threads: as T; it may be destroyed on any thread, and in interrupts if T's destructor may.
// invariants: as small as a pointer; the word before the object leads to the heap (P10).
#pragma once

#include <concepts>
#include <cstddef>
#include <type_traits>
#include <utility>

#include "owner_request.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// Classes of which a Box may hold a derived one.
template <class T>
concept Derivable = std::has_virtual_destructor_v<T> && std::destructible<T> && !std::is_final_v<T>;

/// An object of such a class as `make` makes it: its destructor, which is virtual, ends in a delete
/// that knows the layout, whatever class the Box is of. So neither block nor Box keeps the layout.
template <class T, class Heap>
struct Held final : T {
  template <class... Args>
  explicit Held(Args&&... args) : T(std::forward<Args>(args)...) {}
  static void operator delete(void* object, std::size_t size) noexcept {
    (misuse::heap_of<Heap>(object)->free)(object, {size, alignof(Held)});
  }
};
template <class T, class Heap>
struct MadeAs : std::type_identity<T> {};
template <Derivable T, class Heap>
struct MadeAs<T, Heap> : std::type_identity<Held<std::remove_cv_t<T>, Heap>> {};

/// Owns one T. Move-only. An empty box (moved from) owns nothing.
template <class T, class Heap = mneme::Heap>
class [[nodiscard]] Box {
 public:
  Box() noexcept = default;
  Box(std::nullptr_t) noexcept {}  // NOLINT(google-explicit-constructor)
  Box(Box&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  /// Of what becomes const, or of a class derived from T, if the destructor is virtual.
  template <class From>
    requires std::convertible_to<From*, T*> &&
             (std::same_as<std::remove_cv_t<T>, From> || (Derivable<T> && Derivable<From>))
  Box(Box<From, Heap>&& other) noexcept  // NOLINT(google-explicit-constructor)
      : object_(other.leak()) {}
  Box& operator=(Box other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  MNEME_HOT ~Box() { reset(); }

  [[nodiscard]] T& operator*() const noexcept { return *object_; }
  [[nodiscard]] T* operator->() const noexcept { return object_; }
  [[nodiscard]] T* get() const noexcept { return object_; }
  [[nodiscard]] explicit operator bool() const noexcept { return object_ != nullptr; }
  friend bool operator==(const Box&, const Box&) noexcept = default;

  /// Destroys the object and frees its memory, as Heap::free. Does nothing if empty.
  MNEME_HOT void reset() noexcept {
    if (object_ != nullptr) destroy(std::exchange(object_, nullptr));
  }

  /// Releases ownership without destroying the object; from_leaked makes an owner again. If T is
  /// Derivable, that may be a Box of any base.
  [[nodiscard]] T* leak() noexcept { return std::exchange(object_, nullptr); }
  static Box from_leaked(T* object) noexcept { return Box(object); }

 private:
  explicit Box(T* object) noexcept : object_(object) {}

  static void destroy(T* object) noexcept {
    if constexpr (Derivable<T>) {
      auto* const start = node::object_at<std::byte>(dynamic_cast<const void*>(object));
      if constexpr (checks_enabled) (void)misuse::heap_of<Heap>(start);
      delete object;
    } else {
      auto* const start = node::object_at<std::byte>(object);
      Heap* const heap = misuse::heap_of<Heap>(start);
      object->~T();
      (heap->free)(start, Layout::of<T>());
    }
  }

  T* object_ = nullptr;
};

static_assert(sizeof(Box<int>) == sizeof(void*));

/// The requests that make() returns, by names: `Args` is how the arguments are kept.
template <class Heap, class T, class... Args>
using BasicBoxRequest =
    OwnerRequest<Heap, BuildObject<Box<T, Heap>, typename MadeAs<T, Heap>::type, Args...>>;
template <class T, class... Args>
using BoxRequest = BasicBoxRequest<Heap, T, Args...>;

/// `make<T>(args…)`: a request for a Box<T>, or for an Array if T is an array. The arguments are
/// copied or moved into it, and T is constructed from them on the thread that takes the result.
/// Errors: as Request, and what the constructor throws; then the memory is freed.
template <RawHeap Raw, QueueLock Queue, QueuePolicy Policy>
template <class T, class... Args>
auto BasicHeap<Raw, Queue, Policy>::make(Args&&... args) {
  if constexpr (std::is_unbounded_array_v<T>) {
    return make_array<std::remove_extent_t<T>>(static_cast<std::size_t>(args)...);
  } else if constexpr (std::is_bounded_array_v<T>) {
    return make_array<std::remove_extent_t<T>>(std::extent_v<T>);
  } else {
    return BasicBoxRequest<BasicHeap, T, std::decay_t<Args>...>(*this, std::forward<Args>(args)...);
  }
}

template <RawHeap Raw, QueueLock Queue, QueuePolicy Policy>
template <class T, class... Args>
auto BasicHeap<Raw, Queue, Policy>::try_make(Args&&... args) {
  using Build = BuildObject<Box<T, BasicHeap>, typename MadeAs<T, BasicHeap>::type, Args&&...>;
  return try_build<Build>(*this, std::forward<Args>(args)...);  // waiting/try_allocate.hpp
}

}  // namespace mneme::inline MNEME_SETTINGS

#include "heap.hpp"  // last: a program may include this header alone
