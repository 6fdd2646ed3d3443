// purpose: shared ownership of one object in a heap, by a reference count.
// layer: L3; includes L0–L2 and box.
// threads: one thread at a time per Arc; several threads may each use an Arc of the same object.
// invariants: the count is the number of Arcs, and cannot overflow; the last one destroys T.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "atomic.hpp"
#include "box.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// One of several owners of a T, which lives until the last of them is destroyed. The count is the
/// only overhead besides the header (P10). A copy is one more owner. An empty Arc (moved from) owns
/// nothing.
template <class T, class Heap = mneme::Heap>
class [[nodiscard]] Arc {
 public:
  /// The object and its count, in the heap.
  struct Shared {
    template <class... Args>
    explicit Shared(Args&&... args) : object(std::forward<Args>(args)...) {}

    Atomic<std::size_t> count{1};
    T object;
  };

  /// A clone beyond this number of owners stops the program, long before the count could overflow.
  static constexpr std::size_t count_max = SIZE_MAX / 2;

  Arc() noexcept = default;
  Arc(const Arc& other) noexcept : shared_(other.shared_) {
    if (shared_ == nullptr) return;
    // (arc.clone) relaxed: the owner of an Arc already sees the object; publishes nothing.
    if (shared_->count.fetch_add(1, std::memory_order_relaxed) >= count_max) {
      FatalLine{}.text("too many clones of an Arc").stop();
    }
  }
  Arc(Arc&& other) noexcept : shared_(std::exchange(other.shared_, nullptr)) {}
  Arc& operator=(Arc other) noexcept {
    std::swap(shared_, other.shared_);
    return *this;
  }
  ~Arc() { reset(); }

  [[nodiscard]] T& operator*() const noexcept { return shared_->object; }
  [[nodiscard]] T* operator->() const noexcept { return __builtin_addressof(shared_->object); }
  [[nodiscard]] T* get() const noexcept {
    return shared_ == nullptr ? nullptr : __builtin_addressof(shared_->object);
  }
  [[nodiscard]] explicit operator bool() const noexcept { return shared_ != nullptr; }

  friend bool operator==(const Arc&, const Arc&) noexcept = default;
  [[nodiscard]] Arc clone() const noexcept { return *this; }

  /// The number of owners; 0 if this Arc is empty. Other threads may change it at any time.
  [[nodiscard]] std::size_t count() const noexcept {
    // (arc.count) relaxed: a hint; publishes nothing.
    return shared_ == nullptr ? 0 : shared_->count.load(std::memory_order_relaxed);
  }

  /// Gives up this owner; the last one destroys the object and frees its memory, as Heap::free.
  /// Does nothing if empty.
  void reset() noexcept {
    Shared* const shared = std::exchange(shared_, nullptr);
    if (shared == nullptr) return;
    // (arc.drop) acq_rel: pairs with acq_rel (arc.drop); publishes this owner's last use of the
    // object to the one that destroys it.
    if (shared->count.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      Box<Shared, Heap>::from_leaked(shared).reset();
    }
  }

  /// Releases ownership without changing the count; from_leaked makes an owner again, and may be
  /// called once for each leak(). Only ASan and Valgrind may detect a second call, as the header of
  /// a shared block cannot be checked.
  [[nodiscard]] Shared* leak() noexcept { return std::exchange(shared_, nullptr); }
  static Arc from_leaked(Shared* shared) noexcept {
    Arc arc;
    arc.shared_ = shared;
    return arc;
  }

 private:
  Shared* shared_ = nullptr;
};

template <class T, class... Args>
using ArcRequest = OwnerRequest<Heap, BuildObject<Arc<T>, typename Arc<T>::Shared, Args...>>;

/// `make_arc<T>(args…)`: a request for the first Arc of a new T. Arguments and errors: as make.
template <RawHeap Raw, QueueLock Queue, QueuePolicy Policy>
template <class T, class... Args>
auto BasicHeap<Raw, Queue, Policy>::make_arc(Args&&... args) {
  using Made = Arc<T, BasicHeap>;
  using Build = BuildObject<Made, typename Made::Shared, std::decay_t<Args>...>;
  return OwnerRequest<BasicHeap, Build>(*this, std::forward<Args>(args)...);
}

}  // namespace mneme::inline MNEME_SETTINGS

#include "heap.hpp"  // last: a program may include this header alone
