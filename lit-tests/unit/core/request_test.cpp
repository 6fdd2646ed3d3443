// purpose: shows every state and every way out of a Request, polled by hand, by its wakers' rings.
// layer: tests; includes mneme and the tests' support.
// threads: one; request_threads_test has the tests with many.
// invariants: each heap is whole at the end of its test; nobody overtakes; nothing is lost (P1–P6).
// RUN: %runner %build/tests/request_test
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "support/may_wait.hpp"
#include "support/names.hpp"

using namespace tests::names;
using mneme::Layout;
using tests::InPlace;

static_assert(!std::is_copy_constructible_v<Request<>>);
static_assert(!std::is_move_assignable_v<Request<>>, "the heap links it where it stands");
static_assert(!std::is_copy_constructible_v<Allocation<>>);
static_assert(std::is_nothrow_move_constructible_v<Allocation<>>);

TEST_CASE("a request that was never polled has done nothing") {
  TestHeap heap(256);
  {
    const auto request = heap.allocate(bytes(8));
    CHECK(request.state() == RequestState::idle);
    CHECK(request.reserved() == nullptr);
  }
  const mneme::Stats stats = heap.stats();
  CHECK(stats.grants + stats.waits + stats.cancels + stats.refusals == 0);
}

TEST_CASE("with room, the first poll completes the request, and no waker is called") {
  TestHeap heap(256);
  Alarm alarm;
  auto request = heap.allocate({.size = 100, .align = 32});
  auto answer = request.poll(alarm.waker());
  REQUIRE(answer);
  const Allocation<>& block = answer->value();
  CHECK(block.layout() == Layout{100, 32});
  CHECK(mneme::address_of(block.data()) % 32 == 0);
  CHECK(request.state() == RequestState::taken);
  CHECK(alarm.rings() == 0);
  CHECK(sound(heap));
}

TEST_CASE("a result is returned once; later polls return `cancelled`") {
  TestHeap heap(256);
  auto request = heap.allocate(bytes(8));
  {
    const auto block = granted(request);
    CHECK(failed(request) == AllocError::cancelled);
    CHECK(block.data() != nullptr);  // what was taken stays
  }
  CHECK(failed(request) == AllocError::cancelled);
  request.cancel();
  CHECK(heap.stats().cancels == 0);
}

TEST_CASE("without room a request waits; the free that makes room grants it and wakes it once") {
  TestHeap heap(256);
  Alarm alarm;
  auto hog = granted(heap.allocate(bytes(240)));
  auto request = heap.allocate(bytes(100));
  CHECK(!request.poll(alarm.waker()));
  CHECK(!request.poll(alarm.waker()));
  CHECK(request.state() == RequestState::waiting);
  CHECK(heap.stats().waiting == 1);
  CHECK(sound(heap));

  hog.reset();
  CHECK(alarm.rings() == 1);
  CHECK(request.state() == RequestState::granted);
  CHECK(heap.stats().live == 1);
  const void* const reserved = request.reserved();
  CHECK(reserved != nullptr);
  const auto block = granted(request);
  CHECK(block.data() == reserved);
  CHECK(request.reserved() == nullptr);
  CHECK(alarm.rings() == 1);
}

TEST_CASE("a request without a waker is granted as well, and sees it when it polls") {
  TestHeap heap(256);
  auto hog = granted(heap.allocate(bytes(240)));
  auto request = heap.allocate(bytes(100));
  CHECK(!request.poll());
  hog.reset();
  CHECK(granted(request).data() != nullptr);
}

TEST_CASE("a later poll replaces the waker, but one without a waker leaves it") {
  TestHeap heap(256);
  Alarm first;
  Alarm second;
  auto hog = granted(heap.allocate(bytes(240)));
  auto request = heap.allocate(bytes(100));
  auto kept = heap.allocate(bytes(8));
  CHECK(!request.poll(first.waker()));
  CHECK(!kept.poll(first.waker()));
  CHECK(!request.poll(second.waker()));
  CHECK(!kept.poll());
  hog.reset();
  CHECK(first.rings() == 1);
  CHECK(second.rings() == 1);
  CHECK(kept.state() == RequestState::granted);
}

TEST_CASE("a request cancelled before its first poll never requests memory") {
  TestHeap heap(256);
  auto request = heap.allocate(bytes(8));
  request.cancel();
  CHECK(request.state() == RequestState::cancelled);
  CHECK(failed(request) == AllocError::cancelled);
  CHECK(heap.stats().grants == 0);
}

TEST_CASE("cancelling the head, the middle or the tail keeps the others' order") {
  for (std::size_t victim = 0; victim < 4; ++victim) {
    TestHeap heap(256);
    auto hog = granted(heap.allocate(bytes(240)));
    std::deque<Request<>> requests;
    for (int i = 0; i < 4; ++i) {
      auto& request = requests.emplace_back(InPlace{[&] { return heap.allocate(bytes(200)); }});
      CHECK(!request.poll());
    }
    requests[victim].cancel();
    CHECK(requests[victim].state() == RequestState::cancelled);
    CHECK(failed(requests[victim]) == AllocError::cancelled);
    CHECK(heap.stats().waiting == 3);
    CHECK(heap.stats().cancels == 1);
    CHECK(sound(heap));
    hog.reset();
    for (std::size_t i = 0; i < 4; ++i) {  // each fits alone, so they come one by one
      if (i == victim) continue;
      CHECK(requests[i].state() == RequestState::granted);
      (void)granted(requests[i]);  // and goes back at once
      CHECK(sound(heap));
    }
  }
}

TEST_CASE("cancelling a head that does not fit grants those behind it") {
  TestHeap heap(256);
  Alarm alarm;
  const auto hog = granted(heap.allocate(bytes(120)));
  auto large = heap.allocate(bytes(200));
  auto small = heap.allocate(bytes(40));
  auto other = heap.allocate(bytes(40));
  CHECK(!large.poll());
  CHECK(!small.poll(alarm.waker()));
  CHECK(!other.poll(alarm.waker()));
  large.cancel();
  CHECK(alarm.rings() == 2);
  CHECK(granted(small).data() != nullptr);
  CHECK(granted(other).data() != nullptr);
}

TEST_CASE("a request cancelled after its grant passes the memory on to the next") {
  TestHeap heap(256);
  Alarm alarm;
  auto hog = granted(heap.allocate(bytes(240)));
  auto first = heap.allocate(bytes(200));
  auto second = heap.allocate(bytes(200));
  CHECK(!first.poll());
  CHECK(!second.poll(alarm.waker()));
  hog.reset();
  CHECK(first.state() == RequestState::granted);
  CHECK(alarm.rings() == 0);
  first.cancel();
  CHECK(alarm.rings() == 1);
  CHECK(second.state() == RequestState::granted);
  CHECK(failed(first) == AllocError::cancelled);
  CHECK(heap.stats().live == 1);
}

TEST_CASE("a request may be destroyed in every state, and nothing is lost") {
  TestHeap heap(256);
  std::optional<Request<>> request;
  auto hog = granted(heap.allocate(bytes(240)));
  const auto in_state = [&](RequestState state) {
    CHECK(request->state() == state);
    request.reset();
    CHECK(sound(heap));
    CHECK(heap.stats().live == 1);
    CHECK(heap.stats().waiting == 0);
  };
  const auto ask = [&](Layout layout) {
    request.emplace(InPlace{[&] { return heap.allocate(layout); }});
  };

  ask(bytes(8));
  in_state(RequestState::idle);
  ask(bytes(100));
  CHECK(!request->poll());
  in_state(RequestState::waiting);
  ask(bytes(100));
  CHECK(!request->poll());
  request->cancel();
  in_state(RequestState::cancelled);
  ask(bytes(1000));
  CHECK(failed(*request) == AllocError::too_large);
  in_state(RequestState::taken);

  ask(bytes(100));
  CHECK(!request->poll());
  hog.reset();
  CHECK(request->state() == RequestState::granted);
  request.reset();
  CHECK(heap.stats().live == 0);

  hog = granted(heap.allocate(bytes(240)));
  ask(bytes(100));
  CHECK(!request->poll());
  heap.close();
  in_state(RequestState::closed);
}

TEST_CASE("an impossible request is refused at once, and blocks no other") {
  TestHeap heap(32_words);
  const auto hog = granted(heap.allocate(bytes(15_words)));
  auto waiting = heap.allocate(bytes(25_words));
  CHECK(!waiting.poll());
  {
    const auto guard = heap.try_lock();  // not even a lock makes an impossible request wait
    CHECK(failed(heap.allocate(bytes(31_words + 1))) == AllocError::too_large);
  }
  CHECK(failed(heap.allocate({.size = 8, .align = 0})) == AllocError::bad_alignment);
  CHECK(failed(heap.allocate({.size = 8, .align = 3})) == AllocError::bad_alignment);
  CHECK(failed(heap.allocate({.size = 8, .align = 24})) == AllocError::bad_alignment);
  CHECK(failed(heap.allocate({.size = 8, .align = SIZE_MAX})) == AllocError::bad_alignment);
  CHECK(heap.stats().refusals == 5);
  CHECK(heap.stats().waiting == 1);
  CHECK(sound(heap));
}

TEST_CASE("layouts near the end of the numbers are refused, whatever their alignment") {
  TestHeap heap(1024);
  for (std::size_t align = 1; align != 0; align *= 2) {
    for (std::size_t less = 0; less < 40; ++less) {
      CHECK(failed(heap.allocate({SIZE_MAX - less, align})) == AllocError::too_large);
      CHECK(failed(heap.allocate({SIZE_MAX / 2 + less, align})) == AllocError::too_large);
    }
    // No place in a page is that aligned but its beginning, which the header leaves no room for.
    if (align >= 4096) {
      CHECK(failed(heap.allocate({1, align})) == AllocError::too_large);
    }
  }
  CHECK(heap.stats().used_bytes == 0);
}

TEST_CASE("a small request does not overtake a large one") {
  TestHeap heap(256);
  auto hog = granted(heap.allocate(bytes(120)));
  auto large = heap.allocate(bytes(200));
  auto small = heap.allocate(bytes(8));
  CHECK(!large.poll());
  CHECK(!small.poll());  // there is room, but not its turn
  CHECK(heap.try_allocate(bytes(8)) == nullptr);
  hog.reset();
  CHECK(large.state() == RequestState::granted);
  CHECK(small.state() == RequestState::granted);
}

TEST_CASE("one free wakes only the requests that it grants: n waiters cost n wakes") {
  constexpr int count = 50;
  TestHeap heap(256);
  std::array<Alarm, count> alarms;
  auto hog = granted(heap.allocate(bytes(240)));
  std::deque<Request<>> requests;
  for (auto& alarm : alarms) {
    auto& request = requests.emplace_back(
        InPlace{[&] { return heap.allocate(bytes(112)); }});  // two of them fit
    CHECK(!request.poll(alarm.waker()));
  }
  hog.reset();
  int woken = 2;
  for (auto& request : requests) {
    int rings = 0;
    for (const auto& alarm : alarms) rings += alarm.rings();
    CHECK(rings == woken);
    (void)granted(request);  // its memory goes back and wakes the next
    if (woken < count) ++woken;
  }
  for (const auto& alarm : alarms) CHECK(alarm.rings() == 1);
}

TEST_CASE("a request that meets a locked heap waits though it is empty, until the lock is let go") {
  TestHeap heap(256);
  Alarm alarm;
  auto request = heap.allocate(bytes(100));
  auto guard = heap.try_lock();
  CHECK(!request.poll(alarm.waker()));
  CHECK(request.state() == RequestState::waiting);
  guard.unlock();
  CHECK(alarm.rings() == 1);
  CHECK(granted(request).data() != nullptr);
}

TEST_CASE("close completes waiting requests, oldest first, and later ones at once") {
  static std::vector<int> order;
  TestHeap heap(256);
  auto hog = granted(heap.allocate(bytes(240)));
  auto granted_before = heap.allocate(bytes(200));
  auto first = heap.allocate(bytes(200));
  auto second = heap.allocate(bytes(8));
  const mneme::Waker one{[](void*) noexcept { order.push_back(1); }, nullptr};
  const mneme::Waker two{[](void*) noexcept { order.push_back(2); }, nullptr};
  CHECK(!granted_before.poll());
  CHECK(!first.poll(one));
  CHECK(!second.poll(two));
  hog.reset();
  heap.close();
  CHECK(heap.is_closed());
  CHECK(order == std::vector{1, 2});
  CHECK(first.state() == RequestState::closed);
  CHECK(failed(first) == AllocError::closed);
  CHECK(failed(second) == AllocError::closed);
  CHECK(failed(heap.allocate(bytes(8))) == AllocError::closed);
  CHECK(failed(heap.allocate(bytes(8000))) == AllocError::too_large);
  CHECK(heap.try_allocate(bytes(8)) == nullptr);
  CHECK(sound(heap));

  const auto block = granted(granted_before);  // what was granted before stays granted
  CHECK(block.data() != nullptr);
  heap.close();
  CHECK(order.size() == 2);
}

TEST_CASE("a waker may take, free, cancel and ask; wakes do not nest, however many wait") {
  constexpr std::size_t count = 100;
  struct Scene {
    TestHeap heap{256};
    Allocation<> hog{};
    std::deque<Request<>> requests{};
    std::deque<Request<>> later{};
    std::size_t turn = 0;
    int depth = 0;
    int depth_max = 0;
  } scene;
  // Each waker takes its request's answer and frees it, which grants the next one. Every tenth
  // cancels the next one before, and asks for one more.
  const auto wake = [](void* context) noexcept {
    const mneme::test::MayWait may_wait;
    auto& [heap, hog, requests, later, turn, depth, depth_max] = *static_cast<Scene*>(context);
    depth_max = std::max(depth_max, ++depth);
    CHECK(heap.is_locked());
    auto& own = requests[turn++];
    if (turn % 10 == 0 && turn < count) {
      requests[turn++].cancel();
      auto& more = later.emplace_back(InPlace{[&home = heap] { return home.allocate(bytes(8)); }});
      CHECK(!more.poll());
    }
    const auto answer = own.poll();
    CHECK((answer && answer->has_value()));
    --depth;
  };
  scene.hog = granted(scene.heap.allocate(bytes(240)));
  for (std::size_t i = 0; i < count; ++i) {
    auto& request =
        scene.requests.emplace_back(InPlace{[&] { return scene.heap.allocate(bytes(200)); }});
    CHECK(!request.poll({wake, &scene}));
  }
  scene.hog.reset();
  CHECK(scene.turn == count);
  CHECK(scene.depth_max == 1);
  CHECK(scene.heap.stats().waiting == 0);
  for (auto& request : scene.later) CHECK(granted(request).data() != nullptr);
}

TEST_CASE("a request that begins in a waker of close is closed at once, like all others (P13)") {
  struct Scene {
    TestHeap heap{256};
    std::optional<Request<>> first{};
    std::optional<Request<>> second{};
    std::optional<AllocError> late{};
    bool second_closed = false;
  } scene;
  const auto wake = [](void* context) noexcept {
    const mneme::test::MayWait may_wait;
    auto& own = *static_cast<Scene*>(context);
    own.second_closed = own.second->state() == RequestState::closed;
    auto request = own.heap.allocate(bytes(8));
    if (const auto answer = request.poll(); answer && !*answer) own.late = answer->error();
  };
  auto hog = granted(scene.heap.allocate(bytes(240)));
  scene.first.emplace(InPlace{[&] { return scene.heap.allocate(bytes(100)); }});
  scene.second.emplace(InPlace{[&] { return scene.heap.allocate(bytes(100)); }});
  CHECK(!scene.first->poll({wake, &scene}));
  CHECK(!scene.second->poll());
  scene.heap.close();
  CHECK(scene.second_closed);
  CHECK(scene.late == AllocError::closed);
  CHECK(failed(*scene.second) == AllocError::closed);
}

TEST_CASE("a block moves, resets, leaks and comes back like any owner") {
  TestHeap heap(256);
  Allocation<> first = granted(heap.allocate(bytes(24)));
  Allocation<> second = granted(heap.allocate({.size = 10, .align = 64}));
  void* const data = second.data();
  Allocation<> third(std::move(first));
  CHECK(!first);  // NOLINT(bugprone-use-after-move): that it is empty is the claim
  third = std::move(second);
  CHECK(third.data() == data);
  CHECK(third.layout() == Layout{10, 64});
  CHECK(heap.stats().live == 1);
  Allocation<>& same = third;
  third = std::move(same);
  CHECK(third.data() == data);

  void* const leaked = third.leak();
  CHECK(!third);
  CHECK(heap.stats().live == 1);
  Allocation<> again = Allocation<>::from_leaked(leaked, {10, 64});
  again.reset();
  again.reset();
  CHECK(heap.stats().live == 0);
}

TEST_CASE("an allocation is the span of its bytes") {
  TestHeap heap(256);
  auto block = granted(heap.allocate(bytes(20)));
  const std::span<std::byte> span = block;
  CHECK(span.data() == block.data());
  CHECK(span.size() == 20);
  block.reset();
  CHECK(block.bytes().empty());
}
