// REQUIRES: tysan
// RUN: not %runner %this -tc='a float is read as a number' 2>&1 | FileCheck %s --check-prefix=WRONG
// RUN: not %runner %this -tc='the size of a freed node*' 2>&1 | FileCheck %s --check-prefix=NODE
// RUN: %runner %this -tc='memory is used again*'
// WRONG: ERROR: TypeSanitizer: type-aliasing-violation
// WRONG: of size 4 at {{.*}} with type int accesses an existing object of type float
// NODE: ERROR: TypeSanitizer: type-aliasing-violation
// NODE: of size 8 at {{.*}} with type any pointer accesses an existing object of type long
// purpose: shows that TypeSanitizer sees access through a wrong type, also to nodes of the core.
// layer: tests; includes everything.
// threads: none.
// invariants: storage that is used again for another type goes unnoticed.
#include <doctest/doctest.h>

#include <mneme/mneme.hpp>

using namespace mneme;

namespace {

alignas(64) std::byte memory[1024];

/// One value through a pointer that the compiler knows nothing of.
template <class T>
[[gnu::noinline]] T read(void* place) {
  return *static_cast<volatile T*>(place);
}
template <class T>
[[gnu::noinline]] void write(void* place, T value) {
  *static_cast<volatile T*>(place) = value;
}

TEST_CASE("a float is read as a number") {
  Heap heap(memory);
  void* const block = heap.try_allocate(Layout::of<float>());
  write(block, 1.0F);
  (void)read<int>(block);
  heap.free(block, Layout::of<float>());
}

TEST_CASE("the size of a freed node is read as a pointer") {
  alignas(8) static std::byte block[64];
  (void)read<void*>(node::make_freed(block, sizeof block) + 1);
}

TEST_CASE("memory is used again for other types, by blocks") {
  Heap heap(memory);
  for (int round = 0; round < 3; ++round) {
    void* const first = heap.try_allocate(Layout::of<float>());
    write(first, 1.0F);
    CHECK(read<float>(first) == 1.0F);
    heap.free(first, Layout::of<float>());
    void* const second = heap.try_allocate(Layout::of<int>());
    write(second, 2);
    CHECK(read<int>(second) == 2);
    heap.defer_free(second, Layout::of<int>());
    heap.poll();
  }
}

TEST_CASE("memory is used again for other types, by owners") {
  Heap heap(memory);
  for (int round = 0; round < 3; ++round) {
    auto number = std::move(heap.make<int>(3).poll()->value());
    CHECK(*number == 3);
    number.reset();
    auto fraction = std::move(heap.make<double>(0.5).poll()->value());
    CHECK(*fraction == 0.5);
  }
}

TEST_CASE("memory is used again for a heap that lies in it") {
  for (std::size_t at = 0; at < sizeof memory; at += 8) write(memory + at, 0.5);
  Heap& heap = *Heap::bootstrap(memory).value();
  CHECK(heap.stats().live == 0);
  heap.~Heap();
}

}  // namespace
