// RUN: %runner %build/tests/consumer_waits_for_producer_test
// purpose: shows that nobody spins for one who was interrupted half way: a hang on one core.
// layer: tests; includes everything.
// threads: one, and interrupts at each atomic step.
// invariants: a turn of a spin loop fails the test.
#define MNEME_ATOMIC_HEADER "../../lit-tests/support/observing_atomic.hpp"
#include <doctest/doctest.h>

#include <mneme/raw/first_fit.hpp>
#include <optional>
#include <string>

#include "support/fatal_line.hpp"
#include "support/may_wait.hpp"
#include "support/tasks.hpp"

using namespace mneme;

namespace {

int masked = 0;

/// The queue lock of systems with one core: no interrupt while it is held.
struct CriticalSection {
  static constexpr bool reentrant = true;
  void lock() noexcept { ++masked; }
  bool try_lock() noexcept { return ++masked > 0; }
  void unlock() noexcept { --masked; }
};
using OneCoreHeap = BasicHeap<FirstFit, CriticalSection>;

constexpr Layout half{.size = 120, .align = 8};
constexpr Layout all{.size = 248, .align = 8};

OneCoreHeap* heap = nullptr;
void* late = nullptr;
std::size_t countdown = 0;

[[noreturn]] void give_up() {
  FatalLine{}.text("somebody spins for one who is interrupted").stop();
}

TEST_CASE("a drain in the middle of a push, before any of its steps, ends and takes all it can") {
  bool was_inside = true;
  for (std::size_t n = 1; was_inside; ++n) {
    alignas(64) std::byte region[256];
    OneCoreHeap here(region);
    heap = &here;
    void* const early = here.try_allocate(half);
    late = here.try_allocate(half);
    countdown = n;
    test::spinning = &give_up;
    test::interrupt = [] {
      const test::MayWait may_wait;
      if (masked > 0 || countdown == 0 || --countdown > 0) return;
      heap->defer_free(late, half);
      (void)heap->poll();  // drains, and would spin for the push it interrupts
      // All that was wholly pushed is back, whatever the interrupted push had done so far.
      CHECK(heap->stats().used_bytes <= 128);
    };
    here.defer_free(early, half);
    was_inside = countdown == 0;
    test::interrupt = nullptr;
    if (!was_inside) here.free(late, half);
    (void)here.poll();
    CHECK(tests::whole(here));
  }
}

/// A task with a higher priority than all else: it runs as soon as its waker has made it ready.
struct Urgent {
  std::optional<Request<OneCoreHeap>> request;
  bool ready = false;
  bool has_run = false;

  static void wake(void* context) noexcept { static_cast<Urgent*>(context)->ready = true; }
  void run() {
    const auto answer = request->poll();
    has_run = answer.has_value();
    request.reset();  // it is done with it; the block goes back as well
  }
};

Urgent* urgent = nullptr;

TEST_CASE("a woken task that runs at once is not held up by the one who woke it") {
  const std::string line = test::fatal_line_of([] {
    alignas(64) std::byte region[256];
    OneCoreHeap here(region);
    void* const held = here.try_allocate(all);
    Urgent task;
    urgent = &task;
    task.request.emplace(here, all);
    (void)task.request->poll({.wake = &Urgent::wake, .context = &task});
    test::spinning = &give_up;
    test::interrupt = [] {
      const test::MayWait may_wait;
      if (masked == 0 && urgent->ready && !urgent->has_run) {
        urgent->ready = false;
        urgent->run();
      }
    };
    here.free(held, all);
    test::interrupt = nullptr;
    test::spinning = nullptr;
    fatal_unless(task.has_run, "the task was not woken");
    fatal_unless(tests::whole(here), "something was lost");
  });
  CHECK(line == "");
}

TEST_CASE("a request withdrawn by an interrupt, before any step of the free that grants it") {
  const std::string line = test::fatal_line_of([] {
    bool was_inside = true;
    for (std::size_t n = 1; was_inside; ++n) {
      alignas(64) std::byte region[256];
      OneCoreHeap here(region);
      void* const held = here.try_allocate(all);
      Urgent task;
      urgent = &task;
      task.request.emplace(here, all);
      (void)task.request->poll({.wake = &Urgent::wake, .context = &task});
      countdown = n;
      test::spinning = &give_up;
      test::interrupt = [] {
        const test::MayWait may_wait;
        if (masked == 0 && countdown > 0 && --countdown == 0) urgent->request.reset();
      };
      here.free(held, all);
      was_inside = countdown == 0;
      test::interrupt = nullptr;
      test::spinning = nullptr;
      task.request.reset();
      fatal_unless(tests::whole(here), "something was lost");
    }
  });
  CHECK(line == "");
}

}  // namespace
