// RUN: %model | FileCheck %s
// RUN: %fails --lose=waker.begin | FileCheck %s --check-prefix=RACE
// CHECK: close_against_poll: 3 preemptions: {{([0-9]{4,})}} interleavings, no failure
// CHECK-NEXT: close_against_poll: random: 4000 interleavings, no failure
// RACE: close_against_poll: {{.*}}: {{DATA RACE|USER ASSERT FAILED}} in interleaving
// purpose: shows that a poll which sees a close may end the request before its waker, or after.
// layer: tests; includes everything.
// threads: one closes the full heap; one polls a request, and destroys it if it is closed.
// invariants: no waker is called after its request; the second is closed, once.
#include "Inputs/world.hpp"

using namespace mneme;

namespace {

struct CloseAgainstPoll : model::World<CloseAgainstPoll, 2, 1> {
  void* first = nullptr;
  model::Task polled;
  model::Task behind;
  bool done = false;

  void before() {
    first = live_block();
    for (model::Task* task : {&polled, &behind}) task->wait(*heap);
  }

  void thread(unsigned id) {
    if (id == 0) {
      heap->close();
    } else if (polled.poll()) {
      RL_ASSERT(polled.closed());
      polled.end();
      done = true;
    }
  }

  void after() {
    RL_ASSERT(polled.wakes() <= 1 && (done || polled.wakes() == 1));
    RL_ASSERT(behind.wakes() == 1 && behind.poll() && behind.closed());
    free(first);
    check_all_came_back();
  }
};

}  // namespace

const model::Searched<CloseAgainstPoll> close_against_poll{{.preemptions = 3}};
