// RUN: %runner %build/tests/requests_move_until_they_begin_test
// purpose: shows that requests may be returned by value, as some promises' await_transform does.
// layer: tests; includes mneme and the tests' support.
// threads: none.
// invariants: each heap is whole at the end of its test.
#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

#include "support/coroutines.hpp"
#include "support/fatal_line.hpp"
#include "support/names.hpp"

using namespace tests::names;

namespace {

/// A detached coroutine whose promise passes on by value what is awaited.
struct Started {
  struct promise_type : tests::Detached::promise_type {
    Started get_return_object() noexcept { return {}; }  // NOLINT(*-derived-method-shadowing-*)
    template <class T>
    auto await_transform(T&& awaited) noexcept {
      return std::forward<T>(awaited);
    }
  };
};

Started add_up(mneme::Heap& heap, int& sum) {
  const auto box = co_await heap.make<Probe>(3);
  if (box) sum += (*box)->value;
  const auto block = co_await heap.allocate(bytes(8));
  if (block) ++sum;
}

}  // namespace

TEST_CASE("an await_transform that returns by value moves the request before it begins") {
  TestHeap heap(32_words);
  int sum = 0;
  std::optional<Allocation<>> hog(granted(heap.allocate(bytes(30_words))));
  add_up(heap, sum);
  CHECK(heap.stats().waiting == 1);
  hog.reset();
  CHECK(heap.poll() == 1);
  CHECK(sum == 4);
}

TEST_CASE("a request that was moved from is over; the other begins, with its waker") {
  TestHeap heap(32_words);
  Alarm alarm;
  auto hog = granted(heap.allocate(bytes(30_words)));
  auto first = heap.make<Probe>(5);
  (void)std::move(first).wake_by(alarm.waker());
  auto second = std::move(first);                        // NOLINT(bugprone-use-after-move)
  CHECK(first.state() == RequestState::taken);           // NOLINT(bugprone-use-after-move)
  CHECK(failed(first) == mneme::AllocError::cancelled);  // NOLINT(bugprone-use-after-move)
  CHECK(!second.poll());
  hog.reset();
  CHECK(alarm.rings() == 1);
  CHECK(granted(second)->value == 5);
}

TEST_CASE("a request that has begun cannot be moved; without checks it keeps its place") {
  TestHeap heap(256);
  auto hog = granted(heap.allocate(bytes(240)));
  auto first = heap.allocate(bytes(100));
  CHECK(!first.poll());
  if constexpr (mneme::checks_enabled) {
    CHECK(mneme::test::fatal_line_of([&] { const auto moved = std::move(first); }) ==
          "mneme: fatal: move of a request that has begun");
  } else {
    const auto moved = std::move(first);
    CHECK(moved.state() == RequestState::idle);
  }
  hog.reset();
  CHECK(granted(first).data() != nullptr);  // NOLINT(bugprone-use-after-move)
}
