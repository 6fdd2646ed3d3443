// RUN: %runner %build/tests/zero_size_test
// purpose: shows that nothing at all is a legal size: distinct, owned, and freed without a trace.
// layer: tests; includes everything.
// threads: none.
// invariants: the heap is as new at the end.
#include <doctest/doctest.h>

#include <set>

#include "support/tasks.hpp"
#include "support/words.hpp"

using namespace mneme;
using mneme::test::operator""_words;

namespace {

struct Empty {};

TEST_CASE("payloads of no bytes are distinct, inside, two words each, and come back") {
  alignas(64) std::byte region[20_words];
  Heap heap(region);
  const Layout nothing{.size = 0, .align = 1};
  std::set<void*> payloads;
  while (void* const payload = heap.try_allocate(nothing)) payloads.insert(payload);
  CHECK(payloads.size() == 10);
  CHECK(heap.stats().used_bytes == 20_words);
  for (void* const payload : payloads) heap.free(payload, nothing);
  CHECK(tests::whole(heap));
}

TEST_CASE("they wait, are granted and cancelled as all others") {
  alignas(64) std::byte region[8_words];
  Heap heap(region);
  void* const held = heap.try_allocate(test::by_words(7_words));
  {
    auto first = heap.allocate({.size = 0, .align = 1});
    auto second = heap.allocate({.size = 0, .align = 1});
    CHECK_FALSE(first.poll().has_value());
    CHECK_FALSE(second.poll().has_value());
    heap.free(held, test::by_words(7_words));
    CHECK(first.poll()->has_value());
  }
  CHECK(tests::whole(heap));
}

TEST_CASE("owners of nothing") {
  alignas(64) std::byte region[512];
  Heap heap(region);
  {
    auto box = heap.make<Empty>().poll();
    auto other = heap.make<Empty>().poll();
    CHECK((*box)->get() != (*other)->get());
    auto array = heap.make_array<int>(0).poll();
    CHECK(array->value().size() == 0);
    CHECK(array->value().data() != nullptr);
    auto vec = heap.make_fixed_vec<int>(0).poll();
    CHECK(vec->value().full());
    CHECK(vec->value().push(1) == nullptr);
    auto arc = heap.make_arc<Empty>().poll();
    CHECK(arc->value().clone().count() == 2);
    CHECK(heap.stats().live == 5);
  }
  CHECK(tests::whole(heap));
}

TEST_CASE("resized to nothing and back") {
  alignas(64) std::byte region[16_words];
  Heap heap(region);
  void* const payload = heap.try_allocate(test::by_words(5_words));
  CHECK(heap.try_resize(payload, test::by_words(5_words), test::by_words(0)));
  CHECK(heap.stats().used_bytes == 2_words);
  CHECK(heap.try_resize(payload, test::by_words(0), test::by_words(5_words)));
  heap.free(payload, test::by_words(5_words));
  CHECK(tests::whole(heap));
}

}  // namespace
