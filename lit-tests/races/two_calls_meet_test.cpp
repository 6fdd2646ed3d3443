// purpose: shows that where two calls meet, what they make possible needs no third one (P1).
// layer: tests; includes mneme and the tests' support.
// threads: two that call at the same moment, over and over, each time a little earlier or later.
// invariants: after each round the heap is as if one of the calls had come first.
// RUN: %runner %build/tests/two_calls_meet_test
// RUN: %if valgrind %{ %helgrind %this %}
#include <atomic>
#include <cstddef>
#include <optional>
#include <stop_token>
#include <thread>

#include "support/effort.hpp"
#include "support/names.hpp"

using namespace tests::names;
using tests::InPlace;

namespace {

/// Spins for a moment, then lets others run: on a busy machine the other thread may be one of them.
template <class F>
void wait_until(F is_so) {
  for (int turn = 0; !is_so(); ++turn) {
    if (turn < 200) {
      mneme::relax();
    } else {
      std::this_thread::yield();
    }
  }
}

/// Calls `one` and `other` on two threads at once, `rounds` times, with `before` and `after` around
/// both. The distance between the two calls goes through all that is likely to matter.
template <class Before, class One, class Other, class After>
void race(Before before, One one, Other other, After after) {
  constexpr int distances = 48;
  constexpr int rounds = tests::rounds(16) * distances;
  const auto pause = [](int turns) {
    for (; turns > 0; --turns) mneme::relax();
  };
  mneme::Atomic<int> begun{0};
  mneme::Atomic<int> ended{0};
  // Asked to stop at the end of this function, also if it ends by a requirement that does not hold.
  const std::jthread helper([&](const std::stop_token& stop) {
    for (int round = 1; round <= rounds; ++round) {
      wait_until(
          [&] { return stop.stop_requested() || begun.load(std::memory_order_acquire) >= round; });
      if (stop.stop_requested()) return;
      pause(round % distances);
      other();
      ended.store(round, std::memory_order_release);
    }
  });
  for (int round = 1; round <= rounds; ++round) {
    before();
    begun.store(round, std::memory_order_release);
    pause(distances / 2);
    one();
    wait_until([&] { return ended.load(std::memory_order_acquire) >= round; });
    after();
  }
}

/// What the rounds below work on: a heap with room for one large block, and two requests.
struct Scene {
  TestHeap heap{256};
  void* first = nullptr;
  void* second = nullptr;
  Guard<Heap> guard{};
  std::optional<Request<>> request{};
  std::optional<Request<>> behind{};

  void ask(std::optional<Request<>>& place, std::size_t size) {
    place.emplace(InPlace{[&] { return heap.allocate(bytes(size)); }});
  }
  /// The round's end: everything goes back, and the heap is whole.
  void clear() {
    behind.reset();
    request.reset();
    REQUIRE(whole(heap));
  }
};

}  // namespace

TEST_CASE("a request meets the free that makes its room") {
  Scene scene;
  race(
      [&] {
        scene.first = scene.heap.try_allocate(bytes(200));
        scene.ask(scene.request, 200);
      },
      [&] { (void)scene.request->poll(); }, [&] { scene.heap.free(scene.first, bytes(200)); },
      [&] {
        REQUIRE(scene.request->state() != RequestState::waiting);
        scene.clear();
      });
}

TEST_CASE("a free during another call on the heap") {
  Scene scene;
  race(
      [&] {
        scene.first = scene.heap.try_allocate(bytes(200));
        scene.ask(scene.request, 200);
        REQUIRE(!scene.request->poll());
      },
      [&] { scene.heap.free(scene.first, bytes(200)); }, [&] { (void)scene.heap.try_lock(); },
      [&] {
        REQUIRE(scene.request->state() == RequestState::granted);
        scene.clear();
      });
}

TEST_CASE("two frees meet that make room together") {
  Scene scene;
  race(
      [&] {
        scene.first = scene.heap.try_allocate(bytes(100));
        scene.second = scene.heap.try_allocate(bytes(100));
        scene.ask(scene.request, 200);
        REQUIRE(!scene.request->poll());
      },
      [&] { scene.heap.free(scene.first, bytes(100)); },
      [&] { scene.heap.free(scene.second, bytes(100)); },
      [&] {
        REQUIRE(scene.request->state() == RequestState::granted);
        scene.clear();
      });
}

TEST_CASE("two frees meet while the heap is held") {
  Scene scene;
  race(
      [&] {
        scene.first = scene.heap.try_allocate(bytes(100));
        scene.second = scene.heap.try_allocate(bytes(100));
        scene.guard = scene.heap.try_lock();
      },
      [&] { scene.heap.free(scene.first, bytes(100)); },
      [&] { scene.heap.free(scene.second, bytes(100)); },
      [&] {
        REQUIRE(scene.heap.counters().deferred == 2);
        scene.guard.unlock();
        scene.clear();
      });
}

TEST_CASE("a request meets the guard that lets go") {
  Scene scene;
  race(
      [&] {
        scene.guard = scene.heap.try_lock();
        scene.ask(scene.request, 200);
      },
      [&] { (void)scene.request->poll(); }, [&] { scene.guard.unlock(); },
      [&] {
        REQUIRE(scene.request->state() != RequestState::waiting);
        scene.clear();
      });
}

TEST_CASE("the head is cancelled as the room comes that would have been its own") {
  Scene scene;
  race(
      [&] {
        scene.first = scene.heap.try_allocate(bytes(200));
        scene.ask(scene.request, 200);
        scene.ask(scene.behind, 200);
        REQUIRE(!scene.request->poll());
        REQUIRE(!scene.behind->poll());
      },
      [&] { scene.request->cancel(); }, [&] { scene.heap.free(scene.first, bytes(200)); },
      [&] {
        REQUIRE(scene.behind->state() == RequestState::granted);
        scene.clear();
      });
}

TEST_CASE("a waker is replaced as the grant comes: one of the two is called, once") {
  Scene scene;
  std::optional<Alarm> old_alarm;
  std::optional<Alarm> new_alarm;
  race(
      [&] {
        old_alarm.emplace();
        new_alarm.emplace();
        scene.first = scene.heap.try_allocate(bytes(200));
        scene.ask(scene.request, 200);
        REQUIRE(!scene.request->poll(old_alarm->waker()));
      },
      [&] { (void)scene.request->poll(new_alarm->waker()); },
      [&] { scene.heap.free(scene.first, bytes(200)); },
      [&] {
        REQUIRE(old_alarm->rings() + new_alarm->rings() == 1);
        scene.clear();
      });
}

TEST_CASE("an answer is polled for as it is given, without a waker") {
  Scene scene;
  race(
      [&] {
        scene.first = scene.heap.try_allocate(bytes(200));
        scene.ask(scene.request, 200);
        REQUIRE(!scene.request->poll());
      },
      [&] {
        std::optional<Request<>::Result> answer;
        wait_until([&] { return (answer = scene.request->poll()).has_value(); });
        REQUIRE(answer->has_value());
        *static_cast<char*>((*answer)->data()) = 1;
      },
      [&] {
        *static_cast<char*>(scene.first) = 2;
        scene.heap.free(scene.first, bytes(200));
      },
      [&] { scene.clear(); });
}

TEST_CASE("two requests meet that both have room") {
  Scene scene;
  race(
      [&] {
        scene.ask(scene.request, 100);
        scene.ask(scene.behind, 100);
      },
      [&] { (void)scene.request->poll(); }, [&] { (void)scene.behind->poll(); },
      [&] {
        REQUIRE(scene.request->state() != RequestState::waiting);
        REQUIRE(scene.behind->state() != RequestState::waiting);
        scene.clear();
      });
}

TEST_CASE("a deferred free meets the guard that lets go, and is there for the next poll at last") {
  Scene scene;
  race(
      [&] {
        scene.first = scene.heap.try_allocate(bytes(200));
        scene.ask(scene.request, 200);
        REQUIRE(!scene.request->poll());
        scene.guard = scene.heap.try_lock();
      },
      [&] { scene.heap.defer_free(scene.first, bytes(200)); }, [&] { scene.guard.unlock(); },
      [&] {
        (void)scene.heap.poll();
        REQUIRE(scene.request->state() == RequestState::granted);
        scene.clear();
      });
}

TEST_CASE("a request meets close") {
  std::optional<TestHeap> heap;
  std::optional<Request<>> request;
  void* hog = nullptr;
  race(
      [&] {
        heap.emplace(256);
        hog = heap->try_allocate(bytes(200));
        request.emplace(InPlace{[&] { return heap->allocate(bytes(200)); }});
      },
      [&] { (void)request->poll(); }, [&] { heap->close(); },
      [&] {
        REQUIRE(request->state() != RequestState::waiting);
        request.reset();
        heap->free(hog, bytes(200));
        heap.reset();
      });
}
