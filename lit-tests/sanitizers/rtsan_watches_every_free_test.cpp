// REQUIRES: rtsan
// RUN: not %this -tc='a raw heap*' 2>&1 | FileCheck %s --check-prefixes=CHECK,ALLOCATES
// RUN: not %this -tc='a waker that locks' 2>&1 | FileCheck %s --check-prefixes=CHECK,LOCKS
// RUN: %this -tc='what the heap does itself'
// CHECK: ERROR: RealtimeSanitizer: unsafe-library-call
// ALLOCATES: Intercepted call to real-time unsafe function `{{malloc|free}}`
// LOCKS: Intercepted call to real-time unsafe function `pthread_mutex_lock`
// purpose: shows that RealtimeSanitizer watches free and all that it calls (P4).
// layer: tests; includes everything.
// threads: none.
// invariants: what the heap does itself goes unnoticed, in every state that a free can meet.
#include <doctest/doctest.h>

#include <memory>
#include <mneme/mneme.hpp>
#include <mneme/raw/first_fit.hpp>
#include <mutex>

using namespace mneme;

namespace {

constexpr Layout layout{.size = 56, .align = 8};

alignas(64) std::byte memory[192];

template <RawHeap Inner>
struct Allocating : Inner {
  using Inner::Inner;
  static inline std::unique_ptr<std::size_t> note;
  [[nodiscard]] std::size_t deallocate(std::byte* block, std::size_t size) noexcept {
    note = std::make_unique<std::size_t>(size);
    return Inner::deallocate(block, size);
  }
};

TEST_CASE("a raw heap that allocates") {
  BasicHeap<Allocating<FirstFit>> heap(memory);
  heap.free(heap.try_allocate(layout), layout);
}

TEST_CASE("a waker that locks") {
  Heap heap({memory, 64});
  void* const block = heap.try_allocate(layout);
  static std::mutex mutex;
  auto request = heap.allocate(layout);
  CHECK_FALSE(request.poll({.wake = [](void*) noexcept { const std::scoped_lock lock(mutex); }}));
  heap.free(block, layout);
}

TEST_CASE("what the heap does itself") {
  Heap heap(memory);
  void* const first = heap.try_allocate(layout);
  void* const second = heap.try_allocate(layout);
  void* const third = heap.try_allocate(layout);
  static bool woken = false;
  auto request = heap.allocate(layout);
  CHECK_FALSE(request.poll({.wake = [](void*) noexcept { woken = true; }}));
  heap.free(first, layout);  // grants, and wakes
  CHECK(woken);
  {
    auto guard = heap.try_lock();
    heap.free(second, layout);  // is deferred
  }
  heap.defer_free(third, layout);
  heap.poll();
  CHECK(heap.counters().live == 1);
  request.cancel();
  CHECK(heap.counters().used_bytes == 0);
}

}  // namespace
