// purpose: shared ownership of one object in a heap, counted.
// layer: L3; includes L0–L2 and box.
// threads: an Arc is one thread's at a time; Arcs of one object may be used on many at once.
// invariants: the count is the number of Arcs, and cannot overflow; the last one destroys.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "atomic.hpp"
#include "box.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// One of the owners of a T, which stays until the last of them is dropped. The count is the only
/// cost besides the header (P10). Copying is cloning. An empty Arc (moved from) owns nothing.
template <class T, class Heap = mneme::Heap>
class [[nodiscard]] Arc {
 public:
  /// The object and its count, as they lie in the heap.
  struct Shared {
    template <class... Args>
    explicit Shared(Args&&... args) : object(std::forward<Args>(args)...) {}

    Atomic<std::size_t> count{1};
    T object;
  };

  /// Cloning beyond this many stops the program, long before the count could wrap.
  static constexpr std::size_t count_max = SIZE_MAX / 2;

  Arc() noexcept = default;
  Arc(const Arc& other) noexcept : shared_(other.shared_) {
    if (shared_ == nullptr) return;
    // (arc.clone) relaxed: who has an Arc may see the object already; publishes nothing.
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

  [[nodiscard]] Arc clone() const noexcept { return *this; }

  /// How many Arcs there are; out of date at once if others clone or drop meanwhile. 0 if empty.
  [[nodiscard]] std::size_t count() const noexcept {
    // (arc.count) relaxed: a hint; publishes nothing.
    return shared_ == nullptr ? 0 : shared_->count.load(std::memory_order_relaxed);
  }

  /// Drops this owner; the last one destroys the object and frees its memory. Nothing if empty.
  void reset() noexcept {
    Shared* const shared = std::exchange(shared_, nullptr);
    if (shared == nullptr) return;
    // (arc.drop) acq_rel: pairs with acq_rel (arc.drop); publishes this owner's last use of the
    // object to the one who destroys it.
    if (shared->count.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      Box<Shared, Heap>::from_leaked(shared).reset();
    }
  }

  /// Lets go of one count without dropping it; from_leaked takes it over again, once: a second time
  /// is seen by ASan and Valgrind alone, as no owner may look at a header that others share.
  [[nodiscard]] Shared* leak() noexcept { return std::exchange(shared_, nullptr); }
  static Arc from_leaked(Shared* shared) noexcept {
    Arc arc;
    arc.shared_ = shared;
    return arc;
  }

 private:
  Shared* shared_ = nullptr;
};

/// `make_arc<T>(args…)`: a request for the first Arc of a new T. The arguments are kept by value
/// until the grant.
template <RawHeap Raw, QueueLock Queue>
template <class T, class... Args>
auto BasicHeap<Raw, Queue>::make_arc(Args&&... args) {
  return request_object<typename Arc<T, BasicHeap>::Shared>(*this, &Arc<T, BasicHeap>::from_leaked,
                                                            std::forward<Args>(args)...);
}

}  // namespace mneme::inline MNEME_SETTINGS

#include "heap.hpp"  // last: a program may include this header alone
