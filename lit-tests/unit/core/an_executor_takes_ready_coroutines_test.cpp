// purpose: shows that an executor of its own gets the coroutines that poll() would resume.
// layer: tests; includes mneme, examples and the tests' support.
// threads: one.
// invariants: each ready coroutine is taken once, the oldest first.
// RUN: %runner %build/tests/an_executor_takes_ready_coroutines_test
#include <doctest/doctest.h>

#include <coroutine>
#include <cstddef>
#include <mneme/mneme.hpp>
#include <vector>

#include "examples/task.hpp"

namespace {

alignas(16) std::byte region_of_ready_tasks[16 * mneme::word_bytes];

examples::Task ask_for_half(mneme::Heap& heap, int number, std::vector<int>& order) {
  auto block = co_await heap.allocate({.size = 6 * mneme::word_bytes, .align = mneme::word_bytes});
  if (block) order.push_back(number);
}

TEST_CASE("ready coroutines are taken in the order of their grants, and resumed by the caller") {
  mneme::Heap heap{region_of_ready_tasks};
  std::vector<int> order;
  CHECK_FALSE(heap.take_ready());
  {
    const mneme::Layout all{.size = 15 * mneme::word_bytes, .align = mneme::word_bytes};
    void* const payload = heap.try_allocate(all);
    const examples::Task first = ask_for_half(heap, 1, order);
    const examples::Task second = ask_for_half(heap, 2, order);
    CHECK_FALSE(heap.take_ready());
    heap.free(payload, all);

    const std::coroutine_handle<> one = heap.take_ready();
    const std::coroutine_handle<> two = heap.take_ready();
    CHECK_FALSE(heap.take_ready());
    REQUIRE(one);
    REQUIRE(two);
    CHECK(heap.poll() == 0);  // they are the caller's now
    two.resume();
    one.resume();
    CHECK(order == std::vector{2, 1});
    CHECK(first.done());
    CHECK(second.done());
  }
  CHECK(heap.stats().used_bytes == 0);
}

TEST_CASE("a coroutine that was taken may be destroyed: its block is freed") {
  mneme::Heap heap{region_of_ready_tasks};
  std::vector<int> order;
  {
    const mneme::Layout all{.size = 15 * mneme::word_bytes, .align = mneme::word_bytes};
    void* const payload = heap.try_allocate(all);
    const examples::Task only = ask_for_half(heap, 1, order);
    heap.free(payload, all);
    CHECK(heap.take_ready());
  }
  CHECK(heap.stats().used_bytes == 0);
  CHECK(order.empty());
}

}  // namespace
