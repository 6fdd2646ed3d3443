// RUN: %runner %build/tests/atomic_test
// purpose: shows that the whole core runs on atomics that have no default orders.
// layer: tests; includes everything, on atomics of its own.
// threads: none.
// invariants: an operation without an explicit order does not compile here.
#define MNEME_ATOMIC_HEADER "../../lit-tests/support/observing_atomic.hpp"
#include <doctest/doctest.h>

#include <mneme/mneme.hpp>

using namespace mneme;

namespace {

TEST_CASE("the whole core runs on the atomics it is given") {
  alignas(64) std::byte region[1024];
  test::operations = 0;
  {
    Heap heap(region);
    auto box = heap.make<int>(7).poll();
    REQUIRE(box.has_value());
    CHECK(***box == 7);
    auto arc = heap.make_arc<int>(8).poll();
    REQUIRE(arc.has_value());
    CHECK((*arc)->count() == 1);
    auto too_much = heap.allocate({.size = 1008});
    CHECK_FALSE(too_much.poll().has_value());
    heap.close();
    CHECK(too_much.poll()->error() == AllocError::closed);
  }
  CHECK(test::operations > 20);
}

TEST_CASE("an uncontended free takes at most four read-modify-writes") {
  alignas(64) std::byte region[1024];
  Heap heap(region);
  void* const payload = heap.try_allocate({.size = 64});
  test::writes = 0;
  heap.free(payload, {.size = 64});
  // live, take, release, and two stores of statistics
  CHECK(test::writes <= 5);
  CHECK(test::writes >= 2);
}

TEST_CASE("relax returns") {
  relax();
  CHECK(true);
}

}  // namespace
