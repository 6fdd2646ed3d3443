// purpose: shows that a std::unique_ptr frees into the heap, also by a base, and is one pointer.
// layer: tests; includes mneme, its adapter and the tests' support.
// threads: one.
// invariants: each heap is whole at the end of its test.
// RUN: %runner %build/tests/unique_ptr_test
#include <cstddef>
#include <memory>
#include <mneme/adapters/unique_ptr.hpp>
#include <utility>

#include "support/names.hpp"

using namespace tests::names;

static_assert(sizeof(mneme::UniquePtr<int>) == sizeof(int*));

TEST_CASE("a unique_ptr frees what a box let go of") {
  TestHeap heap(32_words);
  {
    auto probe = mneme::to_unique(granted(heap.make<Probe>(3)));
    CHECK(probe->value == 3);
    probe = nullptr;
    CHECK(Probe::alive == 0);
    probe = mneme::to_unique(granted(heap.make<Probe>(4)));
  }
  CHECK(Probe::alive == 0);
}

TEST_CASE("a unique_ptr of a base frees all of a derived object") {
  struct Base {
    virtual ~Base() = default;
  };
  struct Derived : Base {
    std::size_t words[10]{};
  };
  TestHeap heap(32_words);
  mneme::UniquePtr<Derived> derived = mneme::to_unique(granted(heap.make<Derived>()));
  CHECK(heap.stats().used_bytes == 12_words);
  mneme::UniquePtr<Base> base(derived.release());
  base.reset();
  CHECK(heap.stats().used_bytes == 0);
}
