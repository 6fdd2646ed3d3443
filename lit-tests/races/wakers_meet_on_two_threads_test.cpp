// RUN: %runner %build/tests/wakers_meet_on_two_threads_test
// purpose: shows that wakers that run at the same time may cancel each other's requests.
// layer: tests; includes everything.
// threads: two, each inside a waker, when they cancel.
// invariants: both end, and the heaps are whole then.
#include <doctest/doctest.h>

#include <atomic>
#include <functional>
#include <mneme/mneme.hpp>
#include <optional>
#include <thread>
#include <utility>

#include "support/may_wait.hpp"
#include "support/tasks.hpp"

using namespace mneme;

namespace {

constexpr Layout everything{.size = 248, .align = 8};

/// Two requests, each with a waker that waits until the other's runs, too.
struct Pair {
  struct Side {
    std::optional<Request<>> request;
    std::atomic<bool> is_running{false};
    Side* other = nullptr;
    std::function<void(Request<>&)> act;

    static void wake(void* context) noexcept {
      const test::MayWait may_wait;
      auto& self = *static_cast<Side*>(context);
      self.is_running.store(true, std::memory_order_release);
      while (!self.other->is_running.load(std::memory_order_acquire)) std::this_thread::yield();
      self.act(*self.other->request);
    }
    Waker waker() { return {.wake = &wake, .context = this}; }
  } sides[2];

  explicit Pair(void (*act)(Request<>&)) {
    for (Side& each : sides) each.act = act;
    sides[0].other = &sides[1];
    sides[1].other = &sides[0];
  }
};

TEST_CASE("two wakers on two threads cancel each other's requests of one heap (libunifex 670)") {
  for (int round = 0; round < 20; ++round) {
    alignas(64) std::byte region[256];
    Heap heap(region);
    void* const held = heap.try_allocate(everything);
    {
      Pair pair([](Request<>& other) { other.cancel(); });
      for (auto& each : pair.sides) {
        each.request.emplace(heap, everything);
        REQUIRE_FALSE(each.request->poll(each.waker()));
      }
      const std::jthread closer([&] {
        while (!pair.sides[0].is_running.load(std::memory_order_acquire)) {
          std::this_thread::yield();
        }
        heap.close();
      });
      heap.free(held, everything);
    }
    CHECK(tests::whole(heap));
  }
}

TEST_CASE("two wakers of two heaps cancel each other's requests") {
  for (int round = 0; round < 20; ++round) {
    alignas(64) std::byte regions[2][256];
    Heap heaps[2]{Heap(regions[0]), Heap(regions[1])};
    void* const held[2]{heaps[0].try_allocate(everything), heaps[1].try_allocate(everything)};
    {
      Pair pair([](Request<>& other) { other.cancel(); });
      for (int i = 0; i < 2; ++i) {
        auto& side = pair.sides[i];
        side.request.emplace(heaps[i], everything);
        REQUIRE_FALSE(side.request->poll(side.waker()));
      }
      const std::jthread second([&] { heaps[1].free(held[1], everything); });
      heaps[0].free(held[0], everything);
    }
    for (auto& heap : heaps) CHECK(tests::whole(heap));
  }
}

TEST_CASE("outside of wakers, a cancel returns only when the waker of the request has") {
  for (int round = 0; round < 200; ++round) {
    alignas(64) std::byte region[256];
    Heap heap(region);
    void* const held = heap.try_allocate(everything);
    struct Context {
      std::atomic<int> stage{0};
      static void wake(void* context) noexcept {
        const test::MayWait may_wait;
        auto& stage = static_cast<Context*>(context)->stage;
        stage.store(1, std::memory_order_release);
        for (int i = 0; i < 10; ++i) std::this_thread::yield();
        stage.store(2, std::memory_order_release);
      }
    } context;
    auto request = heap.allocate(everything);
    REQUIRE_FALSE(request.poll({.wake = &Context::wake, .context = &context}));
    {
      const std::jthread waking(
          [&] { round % 2 == 0 ? heap.close() : heap.free(held, everything); });
      while (context.stage.load(std::memory_order_acquire) == 0) std::this_thread::yield();
      request.cancel();
      CHECK(context.stage.load(std::memory_order_acquire) == 2);
    }
    if (round % 2 == 0) heap.free(held, everything);
    CHECK(tests::whole(heap));
  }
}

}  // namespace
