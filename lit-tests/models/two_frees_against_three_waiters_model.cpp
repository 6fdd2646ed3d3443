// RUN: %model | FileCheck %s
// RUN: %fails --weaken=lock.clear_work | FileCheck %s --check-prefix=RACE
// RUN: %fails --lose=waits.resize | FileCheck %s --check-prefix=WRONG
// CHECK: {{[23]}} preemptions: {{[0-9]{4}.*}} interleavings, no failure
// CHECK-NEXT: two_frees_against_three_waiters: random: 4000 interleavings, no failure
// RACE: two_frees_against_three_waiters: {{.*}}: DATA RACE in interleaving
// WRONG: two_frees_against_three_waiters: {{.*}}: USER ASSERT FAILED in interleaving
// purpose: shows that frees grant in order of arrival (P2), and wake only granted requests (P3).
// layer: tests; includes everything.
// threads: two free one block each; a third takes what the first waiter got, and frees it.
// invariants: three requests wait; a request granted before another arrived before it.
#include "Inputs/world.hpp"

using namespace mneme;

namespace {

struct TwoFreesAgainstThreeWaiters : model::World<TwoFreesAgainstThreeWaiters, 3, 2> {
  void* blocks[2] = {};
  model::Task tasks[3];
  int woken = 0;
  bool passed_on = false;  // the first task had its memory, and gave it back meanwhile
  struct Turn {
    TwoFreesAgainstThreeWaiters* world;
    int place;
  } turns[3];

  void before() {
    for (void*& block : blocks) block = live_block();
    for (int i = 0; i < 3; ++i) {
      turns[i] = {this, i};
      tasks[i].argument = &turns[i];
      tasks[i].on_wake = [](void* argument) {
        const Turn turn = *static_cast<Turn*>(argument);
        RL_ASSERT(turn.world->woken++ == turn.place);
      };
      tasks[i].wait(*heap);
    }
  }

  void thread(unsigned id) {
    if (id < 2) {
      free(blocks[id]);
    } else if (tasks[0].poll()) {
      tasks[0].free();
      passed_on = true;
    }
  }

  void after() {
    RL_ASSERT(woken == (passed_on ? 3 : 2));
    RL_ASSERT(tasks[2].wakes() == (passed_on ? 1 : 0));
    if (!passed_on) tasks[0].finish();
    tasks[1].finish();
    RL_ASSERT(tasks[2].poll());  // at the latest with what the others gave back
    tasks[2].free();
    check_all_came_back();
  }
};

}  // namespace

const model::Searched<TwoFreesAgainstThreeWaiters> two_frees_against_three_waiters{{.brief = 2}};
