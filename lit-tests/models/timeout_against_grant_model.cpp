// RUN: %model | FileCheck %s
// RUN: %fails --weaken=tick.done | FileCheck %s --check-prefix=RACE
// RUN: %fails --weaken=tick.await | FileCheck %s --check-prefix=RACE
// RUN: %fails --lose=tick.begin | FileCheck %s --check-prefix=GONE
// RUN: %fails --lose=request.cancelled | FileCheck %s --check-prefix=TWICE
// CHECK: timeout_against_grant: {{.*}}: {{([0-9]{4,})}} interleavings, no failure
// CHECK-NEXT: timeout_against_grant: random: 4000 interleavings, no failure
// RACE: timeout_against_grant: {{.*}}: DATA RACE in interleaving
// TWICE: timeout_against_grant: {{.*}}: USER ASSERT FAILED in interleaving
// GONE: timeout_against_grant: {{.*}}: {{DATA RACE|ACCESS TO FREED MEMORY}} in interleaving
// purpose: shows that a coroutine whose deadline meets its grant goes on once, in either case.
// layer: tests; includes everything.
// threads: one frees the only block, one advances the timer; both poll.
// invariants: what the deadline does to the request is done before the coroutine goes on.
#include "Inputs/coroutine.hpp"

#include <mneme/waiting/tick_timer.hpp>

using namespace mneme;

namespace {

using Timer = TickTimer<model::WatchedLock>;

/// A deadline that touches its request whenever it is called.
struct WatchedDeadline {
  static constexpr AllocError error = AllocError::timed_out;

  Timer::Deadline deadline;
  model::Ghost* request;
  Fire inner{};

  void arm(Fire fire) {
    inner = fire;
    deadline.arm({.fire =
                      [](void* self) noexcept {
                        auto& own = *static_cast<WatchedDeadline*>(self);
                        own.inner();
                        own.request->touch();
                      },
                  .context = this});
  }
  void disarm() noexcept {
    deadline.disarm();
    request->touch();
  }
};

struct TimeoutAgainstGrant : model::World<TimeoutAgainstGrant, 2, 1> {
  void* first = nullptr;
  Timer timer;
  model::Ghost request;
  model::Coroutine task;
  int resumed = 0;

  model::Coroutine wait() {
    auto block = co_await heap->allocate(model::unit).until(WatchedDeadline{timer.at(5), &request});
    RL_ASSERT(block || block.error() == AllocError::timed_out);
    if (block) model::use(block->data());
    ++resumed;
  }

  void before() {
    first = live_block();
    task = wait();
  }

  void thread(unsigned id) {
    id == 0 ? free(first) : timer.advance(5);
    heap->poll();
  }

  void after() {
    heap->poll();
    RL_ASSERT(resumed == 1 && task.done());
    check_all_came_back();
  }
};

}  // namespace

const model::Searched<TimeoutAgainstGrant> timeout_against_grant{{.preemptions = 2}};
