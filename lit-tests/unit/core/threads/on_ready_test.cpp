// purpose: shows when the waker of on_ready is called, and that a loop which obeys it forgets none.
// layer: tests; includes mneme and the tests' support.
// threads: one, but for the last test: one frees, one runs an event loop.
// invariants: each heap is whole at the end of its test.
// RUN: %runner %build/tests/on_ready_test
// RUN: %if valgrind %{ %helgrind %this %}
#include <atomic>
#include <chrono>
#include <cstddef>
#include <mneme/waiting/on_ready.hpp>
#include <optional>
#include <stdexcept>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "support/effort.hpp"
#include "support/fatal_line.hpp"
#include "support/may_wait.hpp"
#include "support/names.hpp"

using namespace tests::names;

static_assert(!std::is_move_constructible_v<mneme::OnReady<>>);

namespace {

/// Waits for memory, and counts itself.
template <class AnyHeap>
Task wait_once(AnyHeap& heap, std::size_t size, int& resumed) {
  const auto block = co_await heap.allocate(bytes(size));
  ++resumed;
}

}  // namespace

TEST_CASE("the waker is called when the list of ready coroutines stops being empty") {
  TestHeap heap(32_words);
  Alarm alarm;
  int resumed = 0;
  const auto hook = heap.on_ready(alarm.waker());
  auto first = granted(heap.allocate(bytes(14_words)));
  auto second = granted(heap.allocate(bytes(14_words)));
  const auto a = wait_once(heap, 14_words, resumed);
  const auto b = wait_once(heap, 14_words, resumed);
  CHECK(alarm.rings() == 0);
  first.reset();
  CHECK(alarm.rings() == 1);
  second.reset();
  CHECK(alarm.rings() == 1);  // one poll resumes both
  CHECK(resumed == 0);
  CHECK(heap.poll() == 2);

  auto third = granted(heap.allocate(bytes(30_words)));
  const auto c = wait_once(heap, 14_words, resumed);
  third.reset();
  CHECK(alarm.rings() == 2);
  CHECK(heap.poll() == 1);
  CHECK(resumed == 3);
}

TEST_CASE("one that becomes ready while a poll resumes others is left to a poll of its own") {
  TestHeap heap(32_words);
  Alarm alarm;
  int resumed = 0;
  const auto hook = heap.on_ready(alarm.waker());
  auto hog = granted(heap.allocate(bytes(30_words)));
  const auto frees = wait_once(heap, 14_words, resumed);   // and so makes room for the last one,
  const auto beside = wait_once(heap, 12_words, resumed);  // while this one is in the list
  const auto last = wait_once(heap, 13_words, resumed);
  hog.reset();
  CHECK(alarm.rings() == 1);
  CHECK(heap.poll() == 2);
  CHECK(alarm.rings() == 2);
  CHECK(heap.poll() == 1);
  CHECK(last.done());
}

TEST_CASE("a coroutine that is destroyed while it is ready takes no call from the next") {
  TestHeap heap(32_words);
  Alarm alarm;
  int resumed = 0;
  const auto hook = heap.on_ready(alarm.waker());
  auto hog = granted(heap.allocate(bytes(30_words)));
  std::optional<Task> gone(wait_once(heap, 30_words, resumed));
  const auto next = wait_once(heap, 30_words, resumed);
  hog.reset();
  CHECK(alarm.rings() == 1);
  gone.reset();
  CHECK(alarm.rings() == 2);
  CHECK(heap.poll() == 1);
  CHECK(next.done());
}

TEST_CASE("close and cancel call it too") {
  TestHeap heap(32_words);
  Alarm alarm;
  const auto hog = granted(heap.allocate(bytes(30_words)));
  auto request = heap.allocate(bytes(8));
  AllocError errors[2]{};
  const auto wait_for = [](mneme::Request<>& wanted, AllocError& error) -> Task {
    error = (co_await wanted).error();
  };
  const auto cancelled = wait_for(request, errors[0]);
  auto other = heap.allocate(bytes(8));
  const auto closed = wait_for(other, errors[1]);
  const auto hook = heap.on_ready(alarm.waker());
  request.cancel();
  CHECK(alarm.rings() == 1);
  CHECK(heap.poll() == 1);
  heap.close();
  CHECK(alarm.rings() == 2);
  CHECK(heap.poll() == 1);
  CHECK(errors[0] == AllocError::cancelled);
  CHECK(errors[1] == AllocError::closed);
}

TEST_CASE("a coroutine that was ready before is announced at once, and none after the end") {
  TestHeap heap(32_words);
  Alarm alarm;
  int resumed = 0;
  auto hog = granted(heap.allocate(bytes(30_words)));
  const auto before = wait_once(heap, 30_words, resumed);
  hog.reset();
  std::optional<mneme::OnReady<>> hook;
  hook.emplace(heap, alarm.waker());
  CHECK(alarm.rings() == 1);
  CHECK(heap.poll() == 1);
  hook.reset();
  hog = granted(heap.allocate(bytes(30_words)));
  const auto after = wait_once(heap, 30_words, resumed);
  hog.reset();
  CHECK(alarm.rings() == 1);
  CHECK(heap.poll() == 1);
}

TEST_CASE("a coroutine with a waker of its own does not concern it") {
  TestHeap heap(32_words);
  Alarm own;
  Alarm alarm;
  const auto hook = heap.on_ready(alarm.waker());
  auto hog = granted(heap.allocate(bytes(30_words)));
  auto request = heap.allocate(bytes(8));
  CHECK(!request.poll(own.waker()));
  hog.reset();
  CHECK(own.rings() == 1);
  CHECK(alarm.rings() == 0);
}

namespace {

/// A waker that makes every call which one might think of.
template <class AnyHeap>
struct Meddler {
  AnyHeap& heap;
  void* block;
  int calls = 0;
  std::size_t resumed = 0;

  static void wake(void* self) noexcept {
    auto& own = *static_cast<Meddler*>(self);
    ++own.calls;
    own.resumed += own.heap.poll();
    if (own.block != nullptr) own.heap.free(std::exchange(own.block, nullptr), bytes(8));
    CHECK(own.heap.try_allocate(bytes(8)) == nullptr);  // the heap is locked
  }
};

template <class AnyHeap>
void meddle() {
  tests::BasicTestHeap<AnyHeap> heap(32_words);
  int resumed = 0;
  Meddler<AnyHeap> meddler{heap, heap.try_allocate(bytes(8))};
  const auto hook = heap.on_ready({.wake = &Meddler<AnyHeap>::wake, .context = &meddler});
  auto hog = granted(heap.allocate(bytes(28_words)));
  const auto first = wait_once(heap, 28_words, resumed);
  const auto second = wait_once(heap, 30_words, resumed);
  hog.reset();
  CHECK(meddler.calls == 1);
  CHECK(meddler.resumed == 0);  // as no free may run a task (P4)
  CHECK(resumed == 0);
  CHECK(heap.poll() == 1);
  CHECK(meddler.calls == 2);
  CHECK(heap.poll() == 1);
}

}  // namespace

TEST_CASE("the waker may call the heap, as all wakers may") {
  meddle<Heap>();
  meddle<mneme::BasicHeap<mneme::DefaultRaw, tests::CriticalSection>>();
}

TEST_CASE("the waker may end its own on_ready") {
  TestHeap heap(32_words);
  int resumed = 0;
  std::optional<mneme::OnReady<>> hook;
  hook.emplace(heap, mneme::Waker{.wake =
                                      [](void* own) noexcept {
                                        static_cast<std::optional<mneme::OnReady<>>*>(own)->reset();
                                      },
                                  .context = &hook});
  auto hog = granted(heap.allocate(bytes(30_words)));
  const auto task = wait_once(heap, 30_words, resumed);
  hog.reset();
  CHECK(!hook);
  CHECK(heap.poll() == 1);
}

namespace {

/// Two coroutines that wait, and a third whose waker does things to them while wakers are due.
struct Due {
  template <class F>
  explicit Due(F in_waker) : act(in_waker) {
    third = wake_by_act(*this);
    to_third->cancel();
  }

  static Task await_error(mneme::Request<>& request) { CHECK(!(co_await request).has_value()); }
  static Task wake_by_act(Due& own) {
    own.to_third.emplace(own.heap, bytes(8));
    const mneme::Waker waker{.wake =
                                 [](void* due) noexcept {
                                   auto& scene = *static_cast<Due*>(due);
                                   scene.act(scene);
                                 },
                             .context = &own};
    (void)std::move(*own.to_third).wake_by(waker);
    CHECK(!(co_await *own.to_third).has_value());
  }

  TestHeap heap{32_words};
  void* hog = heap.try_allocate(bytes(31_words));
  Alarm alarm;
  void (*act)(Due&);
  std::optional<mneme::OnReady<>> hook{std::in_place, heap, alarm.waker()};
  std::optional<mneme::Request<>> requests[2];
  std::optional<Task> first{await_error(requests[0].emplace(heap, bytes(8)))};
  std::optional<Task> second{await_error(requests[1].emplace(heap, bytes(8)))};
  std::optional<mneme::Request<>> to_third;
  std::optional<Task> third;
};

}  // namespace

TEST_CASE("a call that is due already is not due twice") {
  Due scene([](Due& own) {
    own.requests[0]->cancel();
    CHECK(own.alarm.rings() == 0);  // this waker is called first
    own.first.reset();
    own.requests[0].reset();  // the list is empty once more
    own.requests[1]->cancel();
    CHECK(own.alarm.rings() == 0);
  });
  CHECK(scene.alarm.rings() == 1);
  CHECK(sound(scene.heap));
  scene.second.reset();
  scene.third.reset();
  scene.hook.reset();
  scene.heap.free(scene.hog, bytes(31_words));
}

TEST_CASE("an on_ready may end while its call is due") {
  Due scene([](Due& own) {
    own.requests[0]->cancel();
    own.hook.reset();
  });
  CHECK(scene.alarm.rings() == 0);
  CHECK(sound(scene.heap));
  CHECK(scene.heap.poll() == 1);
  scene.requests[1]->cancel();
  CHECK(scene.heap.poll() == 1);
  scene.third.reset();
  scene.heap.free(scene.hog, bytes(31_words));
}

TEST_CASE("its end waits for a waker that is running on another thread") {
  TestHeap heap(32_words);
  struct Slow {
    mneme::Atomic<bool> begun{false};
    mneme::Atomic<bool> over{false};
    static void wake(void* self) noexcept {
      const mneme::test::MayWait may_wait;
      auto& own = *static_cast<Slow*>(self);
      own.begun.store(true, std::memory_order_release);
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      own.over.store(true, std::memory_order_release);
    }
  } slow;
  int resumed = 0;
  auto hog = granted(heap.allocate(bytes(30_words)));
  const auto task = wait_once(heap, 30_words, resumed);
  std::jthread freer;
  {
    const auto hook = heap.on_ready({.wake = &Slow::wake, .context = &slow});
    freer = std::jthread([&] { hog.reset(); });
    while (!slow.begun.load(std::memory_order_acquire)) std::this_thread::yield();
  }
  CHECK(slow.over.load(std::memory_order_acquire));
  freer.join();
  CHECK(heap.poll() == 1);
}

TEST_CASE("what is no use of on_ready stops the program") {
  if (!mneme::checks_enabled) return;
  TestHeap heap(32_words);
  Alarm alarm;
  const auto hook = heap.on_ready(alarm.waker());
  CHECK(mneme::test::fatal_line_of([&] { (void)heap.on_ready(alarm.waker()); }) ==
        "mneme: fatal: on_ready of a heap that has a waker");
  CHECK(mneme::test::fatal_line_of([&] { (void)heap.on_ready({}); }) ==
        "mneme: fatal: on_ready without a waker");
  CHECK(mneme::test::fatal_line_of([&] {
          std::optional<mneme::OnReady<>> late;
          alignas(64) std::byte memory[256];
          Heap local(memory);
          late.emplace(local, alarm.waker());
        }) == "mneme: fatal: heap destroyed before its on_ready");
}

TEST_CASE("a loop that polls only when it is woken runs every coroutine") {
  constexpr int tasks = 24;
  constexpr int rounds = tests::rounds(200);
  TestHeap heap(32_words);
  std::atomic<int> wakes{0};
  const auto hook = heap.on_ready({.wake =
                                       [](void* count) noexcept {
                                         auto& woken = *static_cast<std::atomic<int>*>(count);
                                         woken.fetch_add(1, std::memory_order_release);
                                         woken.notify_one();
                                       },
                                   .context = &wakes});
  std::vector<void*> blocks;
  for (void* block = heap.try_allocate(bytes(2_words)); block != nullptr;
       block = heap.try_allocate(bytes(2_words))) {
    blocks.push_back(block);
  }
  int done = 0;
  const auto serve = [](Heap& from, int& count) -> Task {
    for (int round = 0; round < rounds; ++round) {
      const auto block = co_await from.allocate(bytes(14_words));
      REQUIRE(block.has_value());
    }
    ++count;
  };
  std::vector<Task> all;
  all.reserve(tasks);
  for (int i = 0; i < tasks; ++i) all.push_back(serve(heap, done));
  std::jthread freer([&] {
    for (void* const block : blocks) heap.free(block, bytes(2_words));
  });
  int heard = 0;
  while (std::as_const(done) < tasks) {
    wakes.wait(heard, std::memory_order_acquire);
    heard = wakes.load(std::memory_order_acquire);
    heap.poll();
  }
}
