// purpose: shows that tasks ask, wait, are granted, cancelled, and free without any new (P4, P10).
// layer: tests; includes mneme and the tests' support.
// threads: one.
// invariants: frames are static here, so that not a single allocation is allowed for.
// RUN: %runner %build/tests/waiting_allocates_nothing_test
// UNSUPPORTED: tysan
// TypeSanitizer takes variables that share bytes of a coroutine's frame for one object.
#include <array>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <optional>

#include "support/tasks.hpp"

// Under TSan, MSan and Valgrind the operators are theirs; there the counter stays at zero.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define OPERATORS_ARE_TAKEN
#endif
#endif
#ifdef MNEME_VALGRIND
#define OPERATORS_ARE_TAKEN
#endif

static int news = 0;

#ifndef OPERATORS_ARE_TAKEN
// Not inlined, so that g++ does not take malloc and operator delete for a mismatched pair.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++news;
  if (void* const memory = std::malloc(size == 0 ? 1 : size); memory != nullptr) return memory;
  throw std::bad_alloc{};
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

TEST_CASE("the counter counts") {
  const int before = news;
  void* const memory = ::operator new(8);
  CHECK(news == before + 1);
  ::operator delete(memory);
}
#endif

namespace {

/// Room for a few frames, never given back.
struct FramesInPlace {
  alignas(16) static inline std::array<std::byte, 8192> bytes{};
  static inline std::size_t used = 0;
  static void* allocate(std::size_t size) noexcept {
    void* const frame = &bytes[used];
    used += (size + 15) / 16 * 16;
    return frame;
  }
  static void free(void*, std::size_t) noexcept {}
};
using PlacedTask = examples::BasicTask<FramesInPlace>;

PlacedTask work(mneme::Heap& heap, int& done_count) {
  const auto box = co_await heap.make<int>(1);
  const auto array = co_await heap.make_array<int>(10);
  const auto vec = co_await heap.make_fixed_vec<int>(10);
  const auto arc = co_await heap.make_arc<int>(2);
  const auto block = co_await heap.allocate(tests::bytes(50));
  done_count += static_cast<int>(box && array && vec && arc && block);
}

TEST_CASE("tasks ask, wait, are granted, cancelled and resumed without operator new") {
  tests::TestHeap heap(256);  // room for one task at a time
  auto hog = tests::granted(heap.allocate(tests::bytes(240)));
  int done_count = 0;
  const int before = news;
  {
    const PlacedTask first = work(heap, done_count);
    std::optional<PlacedTask> cancelled(work(heap, done_count));
    const PlacedTask last = work(heap, done_count);
    hog.reset();
    cancelled.reset();
    while (heap.poll() > 0) {
    }
  }
  heap.close();
  const PlacedTask closed = work(heap, done_count);
  const int after = news;
  CHECK(done_count == 2);
  CHECK(closed.done());
  CHECK(heap.stats().waits >= 3);
  CHECK(after == before);
}

TEST_CASE("frees that are deferred, and those that reclaim them, work without operator new (P4)") {
  tests::TestHeap heap(256);
  void* const first = heap.try_allocate(tests::bytes(40));
  void* const second = heap.try_allocate(tests::bytes(40));
  const int before = news;
  {
    const auto guard = heap.try_lock();
    heap.free(first, tests::bytes(40));
  }
  heap.defer_free(second, tests::bytes(40));
  heap.poll();
  const int after = news;
  CHECK(heap.stats().live == 0);
  CHECK(after == before);
}

}  // namespace
