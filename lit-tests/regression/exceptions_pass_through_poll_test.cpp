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

#include "support/worlds.hpp"

using namespace mneme;

namespace {

constexpr Layout filling{.size = 248, .align = 8};

/// A task that lets exceptions out of resume(), as many run loops have it.
struct Throwing {
  struct promise_type {
    Throwing get_return_object() {
      return Throwing{std::coroutine_handle<promise_type>::from_promise(*this)};
    }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { throw; }
  };
  explicit Throwing(std::coroutine_handle<promise_type> made) : frame(made) {}
  Throwing(Throwing&& other) noexcept : frame(std::exchange(other.frame, {})) {}
  Throwing& operator=(Throwing&&) = delete;
  ~Throwing() {
    if (frame) frame.destroy();
  }
  std::coroutine_handle<promise_type> frame;
};

struct NoSockets {
  NoSockets() { throw std::runtime_error("no more sockets"); }
  long words[4];
};

Throwing make_one(Heap& heap) { (void)co_await heap.make<NoSockets>(); }

TEST_CASE("an exception out of a resumed coroutine leaves poll(); the others stay ready") {
  alignas(64) std::byte region[256];
  Heap heap(region);
  void* const held = heap.try_allocate(filling);
  std::vector<Throwing> tasks;
  for (int i = 0; i < 3; ++i) tasks.push_back(make_one(heap));
  heap.free(held, filling);
  CHECK(heap.stats().live == 3);
  for (std::size_t left = 3; left > 0; --left) {
    CHECK(heap.stats().live == left);
    CHECK_THROWS_WITH((void)heap.poll(), "no more sockets");
    CHECK(tasks[3 - left].frame.done());
    CHECK(heap.validate() == nullptr);
  }
  CHECK(heap.poll() == 0);
  CHECK(test::as_new(heap));
}

}  // namespace
