// RUN: %runner %build/tests/wakers_that_call_back_test
// purpose: shows each cell of the table "Wakers that call back" in include/mneme/README.md.
// layer: tests; includes everything.
// threads: none; races/wakers_meet_on_two_threads_test has those.
// invariants: the waker is called once, and the heap is whole at the end of every case.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mneme/mneme.hpp>
#include <optional>
#include <string>
#include <utility>

#include "support/coroutines.hpp"
#include "support/fatal_line.hpp"
#include "support/may_wait.hpp"
#include "support/tasks.hpp"

using namespace mneme;

namespace {

using SectionHeap = BasicHeap<DefaultRaw, tests::CriticalSection>;

constexpr Layout all_memory{.size = 248, .align = 8};
constexpr Layout most_memory{.size = 184, .align = 8};  // the rest has room for one small block
constexpr Layout small{.size = 40, .align = 8};

/// What calls the waker. In all but a close, the request was granted, and the heap is locked.
enum class Caller : std::uint8_t { free, guard, poll, request, cancel, close };
constexpr std::array callers{Caller::free,    Caller::guard,  Caller::poll,
                             Caller::request, Caller::cancel, Caller::close};
constexpr std::array<const char*, 6> names{"free", "guard", "poll", "request", "cancel", "close"};

/// A heap whose memory is held, a request of interest, and one beside it in some state.
template <class Heap>
struct Scene {
  alignas(64) std::byte region[256];
  Heap heap{region};
  Caller caller;
  Layout held_layout;
  void* held;
  std::optional<Request<Heap>> head;  // is too large for the rest
  std::optional<Request<Heap>> before;
  std::optional<Request<Heap>> own;
  std::optional<Request<Heap>> behind;
  std::function<void()> in_waker;
  int wakes = 0;

  explicit Scene(Caller by)
      : caller(by),
        held_layout(by == Caller::cancel ? most_memory : all_memory),
        held(heap.try_allocate(held_layout)) {
    if (caller == Caller::cancel) {
      head.emplace(heap, all_memory);
      REQUIRE_FALSE(head->poll());
    }
  }
  ~Scene() {
    for (auto* const each : {&head, &before, &own, &behind}) each->reset();
    if (held != nullptr) heap.free(held, held_layout);
    CHECK(tests::whole(heap));
  }

  static void wake(void* context) noexcept {
    const test::MayWait may_wait;
    auto& self = *static_cast<Scene*>(context);
    ++self.wakes;
    CHECK(self.heap.is_locked() == (self.caller != Caller::close));
    self.in_waker();
  }
  Waker waker() { return {.wake = &wake, .context = this}; }

  void wait_for(std::optional<Request<Heap>>& request, Layout layout, Waker by = {}) {
    request.emplace(heap, layout);
    REQUIRE_FALSE(request->poll(by));
  }

  /// Completes what waits, by the caller in question; the waker calls `act`.
  void run(std::function<void()> act) {
    in_waker = std::move(act);
    switch (caller) {
      case Caller::free: heap.free(std::exchange(held, nullptr), held_layout); break;
      case Caller::guard: {
        auto guard = heap.try_lock();
        heap.free(std::exchange(held, nullptr), held_layout);
        CHECK(wakes == 0);
        guard.unlock();
        break;
      }
      case Caller::poll:
        heap.defer_free(std::exchange(held, nullptr), held_layout);
        CHECK(heap.poll() == 0);
        break;
      case Caller::request: {
        heap.defer_free(std::exchange(held, nullptr), held_layout);
        auto brief = heap.allocate(small);
        (void)brief.poll();
        break;
      }
      case Caller::cancel: head->cancel(); break;
      case Caller::close: heap.close(); break;
    }
    CHECK(wakes == 1);
    CHECK_FALSE(heap.is_locked());
    CHECK_FALSE(inside_waker());
    CHECK(heap.validate() == nullptr);
  }
};

/// Calls `test` for both kinds of queue locks and each caller.
template <class Test>
void for_each_caller(Test test) {
  for (const Caller caller : callers) {
    const std::string name = names[static_cast<std::size_t>(caller)];
    CAPTURE(name);
    test.template operator()<Heap>(caller);
    test.template operator()<SectionHeap>(caller);
  }
}

TEST_CASE("a waker polls its own request: it takes the result") {
  for_each_caller([]<class Heap>(Caller caller) {
    Scene<Heap> scene(caller);
    scene.wait_for(scene.own, small, scene.waker());
    scene.run([&] {
      const auto result = scene.own->poll();
      REQUIRE(result);
      CHECK(result->has_value() == (caller != Caller::close));
      CHECK(scene.own->state() == RequestState::taken);
      CHECK(scene.own->poll()->error() == AllocError::cancelled);
    });
  });
}

TEST_CASE("a waker cancels its own request: its memory goes to the next") {
  for_each_caller([]<class Heap>(Caller caller) {
    Scene<Heap> scene(caller);
    scene.wait_for(scene.own, small, scene.waker());
    scene.wait_for(scene.behind, caller == Caller::cancel ? small : all_memory);
    scene.run([&] {
      scene.own->cancel();
      scene.own->cancel();
      CHECK(scene.own->state() == RequestState::cancelled);
      CHECK(scene.behind->state() ==
            (caller == Caller::close ? RequestState::closed : RequestState::waiting));
    });
    CHECK(scene.behind->poll()->has_value() == (caller != Caller::close));
  });
}

TEST_CASE("a waker destroys its own request: its memory goes to the next") {
  for_each_caller([]<class Heap>(Caller caller) {
    Scene<Heap> scene(caller);
    scene.wait_for(scene.own, small, scene.waker());
    scene.wait_for(scene.behind, caller == Caller::cancel ? small : all_memory);
    scene.run([&] { scene.own.reset(); });
    CHECK(scene.behind->poll()->has_value() == (caller != Caller::close));
  });
}

TEST_CASE("a waker takes the result of its own request, and destroys it: an inline executor") {
  for_each_caller([]<class Heap>(Caller caller) {
    Scene<Heap> scene(caller);
    scene.wait_for(scene.own, small, scene.waker());
    scene.run([&] {
      CHECK(scene.own->poll()->has_value() == (caller != Caller::close));
      scene.own.reset();
      // Another request at the same address is not taken for the first.
      scene.own.emplace(scene.heap, small);
      const auto result = scene.own->poll();
      CHECK(result.has_value() == (caller == Caller::close));
      scene.own.reset();
    });
  });
}

TEST_CASE("a waker resumes the coroutine of its own request, which ends there") {
  for_each_caller([]<class Heap>(Caller caller) {
    Scene<Heap> scene(caller);
    std::coroutine_handle<> suspended;
    int ended = 0;
    const auto wait = [&]() -> tests::Task {
      co_await tests::HandleTo{suspended};
      const auto block = co_await scene.heap.allocate(small).wake_by(scene.waker());
      CHECK(block.has_value() == (caller != Caller::close));
      ++ended;
    };
    const tests::Task task = wait();
    scene.run([&] {
      suspended.resume();
      CHECK(ended == 1);
    });
    CHECK(task.done());
  });
}

/// What becomes of a request in each state, by each call; in the waker of another.
enum class Call : std::uint8_t { poll, cancel, destroy };

template <class Heap>
void call_on(Scene<Heap>& scene, std::optional<Request<Heap>>& request, Call call) {
  const RequestState state = request->state();
  if (call == Call::destroy) return request.reset();
  if (call == Call::cancel) {
    request->cancel();
    const bool is_over = state == RequestState::taken || state == RequestState::refused;
    CHECK(request->state() == (is_over ? state : RequestState::cancelled));
    return;
  }
  const auto result = request->poll();
  const bool is_closed = scene.caller == Caller::close;
  switch (state) {
    case RequestState::idle:
      CHECK(result.has_value() == is_closed);
      CHECK(request->state() == (is_closed ? RequestState::taken : RequestState::waiting));
      break;
    case RequestState::waiting: CHECK_FALSE(result); break;
    case RequestState::granted: CHECK(result->has_value()); break;
    case RequestState::refused: CHECK(result->error() == AllocError::too_large); break;
    case RequestState::closed: CHECK(result->error() == AllocError::closed); break;
    default: CHECK(result->error() == AllocError::cancelled); break;
  }
}

TEST_CASE("a waker polls, cancels or destroys another request, in every state") {
  constexpr std::array states{RequestState::idle,  RequestState::waiting,   RequestState::granted,
                              RequestState::taken, RequestState::cancelled, RequestState::refused,
                              RequestState::closed};
  for_each_caller([&]<class Heap>(Caller caller) {
    for (const RequestState state : states) {
      // What waits is closed by a close, and nothing else is.
      const bool closes = caller == Caller::close;
      if (closes ? state == RequestState::granted || state == RequestState::waiting
                 : state == RequestState::closed)
        continue;
      if (caller == Caller::cancel && state == RequestState::granted) continue;  // no room for two
      for (const Call call : {Call::poll, Call::cancel, Call::destroy}) {
        Scene<Heap> scene(caller);
        const bool is_before = state != RequestState::waiting;
        auto& other = is_before ? scene.before : scene.behind;
        if (state == RequestState::granted || state == RequestState::closed) {
          scene.wait_for(other, small);
        } else if (is_before) {
          other.emplace(scene.heap, state == RequestState::refused ? Layout{.size = 1000} : small);
          if (state == RequestState::cancelled) other->cancel();
          if (state == RequestState::taken) {
            auto guard = scene.heap.try_lock();
            REQUIRE_FALSE(other->poll());
            other->cancel();
            REQUIRE(other->poll());
          }
          if (state == RequestState::refused) {
            // Refused without its owner having taken that.
            REQUIRE_FALSE(other->await_suspend(std::noop_coroutine()));
          }
        }
        scene.wait_for(scene.own, small, scene.waker());
        if (!is_before) scene.wait_for(other, all_memory);
        scene.run([&] {
          REQUIRE(other->state() == state);
          call_on(scene, other, call);
        });
      }
    }
  });
}

TEST_CASE("a waker asks for memory: it is granted after the waker has returned") {
  for_each_caller([]<class Heap>(Caller caller) {
    Scene<Heap> scene(caller);
    scene.wait_for(scene.own, small, scene.waker());
    const bool closes = caller == Caller::close;
    scene.run([&] {
      CHECK(scene.heap.try_allocate(small) == nullptr);
      scene.behind.emplace(scene.heap, small);
      CHECK(scene.behind->poll().has_value() == closes);
      scene.own->cancel();
    });
    CHECK(scene.behind->state() == (closes ? RequestState::taken : RequestState::granted));
  });
}

TEST_CASE("a waker frees, in each way: it is done when the waker has returned") {
  for_each_caller([]<class Heap>(Caller caller) {
    for (const bool defers : {false, true}) {
      Scene<Heap> scene(caller);
      scene.wait_for(scene.own, small, scene.waker());
      scene.run([&] {
        auto result = scene.own->poll();
        if (caller == Caller::close) {
          void* const held = std::exchange(scene.held, nullptr);
          return defers ? scene.heap.defer_free(held, all_memory)
                        : scene.heap.free(held, all_memory);
        }
        void* const payload = (*result)->leak();
        defers ? scene.heap.defer_free(payload, small) : scene.heap.free(payload, small);
        CHECK(scene.heap.counters().deferred == 1);
      });
      if (caller != Caller::close) CHECK(scene.heap.counters().deferred == 0);
    }
  });
}

TEST_CASE("a waker cannot lock, resize or look inside of a heap that is locked") {
  for_each_caller([]<class Heap>(Caller caller) {
    Scene<Heap> scene(caller);
    scene.wait_for(scene.own, small, scene.waker());
    const bool closes = caller == Caller::close;
    scene.run([&] {
      CHECK(static_cast<bool>(scene.heap.try_lock()) == closes);
      CHECK(scene.heap.stats().largest_free_bytes.has_value() == closes);
      CHECK(scene.heap.validate() == nullptr);
      if (closes) return;
      auto block = *scene.own->poll();
      CHECK_FALSE(scene.heap.try_resize(block->data(), small, {.size = 8, .align = 8}));
    });
  });
}

TEST_CASE("heap.poll() in a waker resumes nobody; the next poll does") {
  for_each_caller([]<class Heap>(Caller caller) {
    if (caller == Caller::cancel) return;  // no room for two
    Scene<Heap> scene(caller);
    bool has_run = false;
    const auto wait = [&]() -> tests::Task {
      (void)co_await scene.heap.allocate(small);
      has_run = true;
    };
    const tests::Task ready = wait();  // completed before the waker is called
    scene.wait_for(scene.own, small, scene.waker());
    scene.caller = caller == Caller::poll ? Caller::free : caller;
    scene.run([&] {
      CHECK(scene.heap.poll() == 0);
      CHECK_FALSE(has_run);
    });
    CHECK(scene.heap.poll() == 1);
    CHECK(has_run);
  });
}

TEST_CASE("a waker closes: all that wait are closed by then, and their wakers are called") {
  for_each_caller([]<class Heap>(Caller caller) {
    Scene<Heap> scene(caller);
    tests::Alarm woken;
    scene.wait_for(scene.own, small, scene.waker());
    scene.wait_for(scene.behind, all_memory, woken.waker());
    scene.run([&] {
      scene.heap.close();
      CHECK(scene.behind->state() == RequestState::closed);
    });
    CHECK(woken.rings() == 1);
    CHECK(scene.behind->poll()->error() == AllocError::closed);
  });
}

TEST_CASE("a waker cannot destroy the heap") {
  if constexpr (!checks_enabled) return;
  for (const bool closes : {false, true}) {
    alignas(64) std::byte region[256];
    std::optional<Heap> heap(region);
    void* const held = heap->try_allocate(all_memory);
    std::optional<Request<>> request;
    const auto destroy = [](void* context) noexcept {
      static_cast<std::optional<Heap>*>(context)->reset();
    };
    request.emplace(*heap, small);
    REQUIRE_FALSE(request->poll({.wake = destroy, .context = &heap}));
    CHECK(test::fatal_line_of([&] { closes ? heap->close() : heap->free(held, all_memory); }) ==
          (closes ? "mneme: fatal: heap destroyed inside a waker"
                  : "mneme: fatal: heap destroyed while it is locked"));
    request.reset();
    heap->free(held, all_memory);
  }
}

TEST_CASE("wakers that each close do not nest, however many there are") {
  alignas(64) std::byte region[256];
  Heap heap(region);
  void* const held = heap.try_allocate(all_memory);
  struct Closer {
    Heap* heap;
    int depth = 0;
    int depth_max = 0;
    int wakes = 0;
    static void wake(void* context) noexcept {
      const test::MayWait may_wait;
      auto& self = *static_cast<Closer*>(context);
      ++self.wakes;
      self.depth_max = std::max(self.depth_max, ++self.depth);
      self.heap->close();
      --self.depth;
    }
  } closer{&heap};
  {
    std::array<std::optional<Request<>>, 50> requests;
    for (auto& each : requests) {
      each.emplace(heap, small);
      REQUIRE_FALSE(each->poll({.wake = &Closer::wake, .context = &closer}));
    }
    heap.free(held, all_memory);  // grants the first five, the first of which closes
  }
  CHECK(closer.wakes == 50);
  CHECK(closer.depth_max == 2);  // in the waker of a grant, those of a close
  CHECK(tests::whole(heap));
}

TEST_CASE("wakers of two heaps call back and forth, and end") {
  alignas(64) std::byte regions[2][256];
  Heap first(regions[0]);
  Heap second(regions[1]);
  struct Passes {
    Heap* to;
    void* block;
    static void wake(void* context) noexcept {
      auto& self = *static_cast<Passes*>(context);
      self.to->free(self.block, all_memory);
    }
  };
  void* const held = first.try_allocate(all_memory);
  Passes passes{&second, second.try_allocate(all_memory)};
  {
    auto one = first.allocate(small);
    auto other = second.allocate(small);
    tests::Alarm woken;
    REQUIRE_FALSE(one.poll({.wake = &Passes::wake, .context = &passes}));
    REQUIRE_FALSE(other.poll(woken.waker()));
    first.free(held, all_memory);
    CHECK(woken.rings() == 1);
    CHECK(one.poll()->has_value());
    CHECK(other.poll()->has_value());
  }
  CHECK(tests::whole(first));
  CHECK(tests::whole(second));
}

}  // namespace
