// RUN: %runner %build/tests/heaps_anywhere_test
// purpose: shows that a heap works wherever the language puts it, and from when on.
// layer: tests; includes mneme and the tests' support.
// threads: one.
// invariants: none.
#include <cstddef>
#include <cstdlib>
#include <expected>
#include <memory>
#include <new>
#include <optional>
#include <span>

#include "support/fatal_line.hpp"
#include "support/may_wait.hpp"
#include "support/tasks.hpp"

using namespace mneme;

namespace {

/// Makes a box, defers another and lets both go.
[[nodiscard]] bool works(Heap& heap) {
  auto box = *heap.make<int>(7).poll();
  auto other = *heap.make<int>(8).poll();
  if (!box || !other || **box + **other != 15) return false;
  {
    const auto guard = heap.try_lock();
    other->reset();
  }
  box->reset();
  return tests::whole(heap);
}

TEST_CASE("a heap works at every word of memory from malloc") {
  auto* const memory = static_cast<std::byte*>(std::malloc(sizeof(Heap) + 128));
  REQUIRE(memory != nullptr);
  for (std::size_t at = 0; at <= 64; at += alignof(Heap)) {
    const tests::Region region(512);
    auto* const heap = ::new (static_cast<void*>(memory + at)) Heap(region.bytes());
    CHECK(works(*heap));
    heap->~BasicHeap();
  }
  std::free(memory);
}

TEST_CASE("a heap works as a local variable of a coroutine") {
  static int sessions = 0;
  const auto session = [](Heap& frames, bool& done) -> tests::Task {
    std::byte shift[24];
    shift[0] = std::byte{1};
    const tests::Region region(512);
    Heap heap(region.bytes());
    auto first = co_await frames.make<int>(1);
    auto box = co_await heap.make<int>(static_cast<int>(shift[0]));
    done = first && box && **box == 1;
    box->reset();
    done = done && works(heap);
    ++sessions;
  };
  const tests::Region region(512);
  Heap frames(region.bytes());
  for (int i = 0; i < 4; ++i) {
    bool done = false;
    const auto task = session(frames, done);
    CHECK(done);
  }
  CHECK(sessions == 4);
}

constinit Heap early;

TEST_CASE("a heap without memory refuses; init gives it a region, for good") {
  CHECK(early.capacity_bytes() == 0);
  CHECK(early.validate() == nullptr);
  CHECK(early.try_allocate({.size = 8}) == nullptr);
  CHECK(early.allocate({.size = 8}).poll()->error() == AllocError::too_large);
  static tests::Region region(512);
  early.init(region.bytes());
  CHECK(early.capacity_bytes() == 512);
  CHECK(works(early));
}

TEST_CASE("a static heap that ends before the program leaves its region to another") {
  alignas(64) static std::byte region[512];
  static std::optional<Heap> first;
  static std::optional<Heap> second;
  first.emplace(std::span(region));
  CHECK(works(*first));
  first.reset();
  second.emplace(std::span(region));
  CHECK(works(*second));
  second.reset();
}

alignas(64) std::byte left_region[256];
std::optional<Heap> left;  // in static storage, as its heap is then
constexpr Layout all_of_it{.size = 248, .align = 8};

tests::Task wait_for_all(Heap& heap) { (void)co_await heap.allocate(all_of_it); }

TEST_CASE("a static heap may be left while a coroutine is ready, and while a waker runs") {
  CHECK(test::fatal_line_of([] {
          left.emplace(std::span(left_region));
          void* const held = left->try_allocate(all_of_it);
          const tests::Task task = wait_for_all(*left);
          left->close();
          left->free(held, all_of_it);  // now only the coroutine is left
          left.reset();
        }).empty());
  CHECK(test::fatal_line_of([] {
          left.emplace(std::span(left_region));
          static void* held = left->try_allocate(all_of_it);
          static Heap* const heap = &*left;
          auto first = heap->allocate(all_of_it);
          auto second = heap->allocate(all_of_it);
          const auto free_it = [](void*) noexcept { heap->free(held, all_of_it); };
          const auto leave = [](void*) noexcept {
            const test::MayWait may_wait;
            heap->~Heap();  // a static one that is in use goes on working
          };
          if (first.poll({free_it, nullptr}) || second.poll({leave, nullptr})) _exit(3);
          heap->close();
        }).empty());
}

TEST_CASE("a block of one heap is the region of another") {
  const tests::Region region(1024);
  Heap outer(region.bytes());
  void* const block = outer.try_allocate({.size = 512});
  REQUIRE(block != nullptr);
  {
    Heap inner(std::span(static_cast<std::byte*>(block), 512));
    CHECK(works(inner));
  }
  outer.free(block, {.size = 512});
  CHECK(works(outer));
}

}  // namespace
