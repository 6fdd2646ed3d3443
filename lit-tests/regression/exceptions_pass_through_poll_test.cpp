// RUN: %runner %build/tests/exceptions_pass_through_poll_test
// purpose: shows that heap.poll() lets a coroutine's exception through, and loses nothing.
// layer: tests; includes everything.
// threads: none.
// invariants: the heap is as new at the end.
#include <doctest/doctest.h>

#include <exception>
#include <stdexcept>
#include <utility>
#include <vector>

#include "support/coroutines.hpp"
#include "support/tasks.hpp"

using namespace mneme;

namespace {

constexpr Layout filling{.size = 248, .align = 8};

struct NoSockets {
  NoSockets() { throw std::runtime_error("no more sockets"); }
  long words[4];
};

tests::ThrowingTask make_one(Heap& heap) { (void)co_await heap.make<NoSockets>(); }

TEST_CASE("an exception out of a resumed coroutine leaves poll(); the others stay ready") {
  alignas(64) std::byte region[256];
  Heap heap(region);
  void* const held = heap.try_allocate(filling);
  std::vector<tests::ThrowingTask> tasks;
  for (int i = 0; i < 3; ++i) tasks.push_back(make_one(heap));
  heap.free(held, filling);
  CHECK(heap.stats().live == 3);
  for (std::size_t left = 3; left > 0; --left) {
    CHECK(heap.stats().live == left);
    CHECK_THROWS_WITH((void)heap.poll(), "no more sockets");
    CHECK(tasks[3 - left].done());
    CHECK(heap.validate() == nullptr);
  }
  CHECK(heap.poll() == 0);
  CHECK(tests::whole(heap));
}

}  // namespace
