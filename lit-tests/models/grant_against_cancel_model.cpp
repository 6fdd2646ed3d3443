// RUN: %model | FileCheck %s
// RUN: %fails --weaken=spin.unlock | FileCheck %s --check-prefix=RACE
// RUN: %fails --lose=waker.begin | FileCheck %s --check-prefix=RACE
// RUN: %fails --lose=lock.post_or_acquire | FileCheck %s --check-prefix=WRONG
// CHECK: grant_against_cancel: 4 preemptions: {{([0-9]{5,})}} interleavings, no failure
// CHECK-NEXT: grant_against_cancel: random: 4000 interleavings, no failure
// RACE: grant_against_cancel: {{.*}}: DATA RACE in interleaving
// WRONG: grant_against_cancel: {{.*}}: USER ASSERT FAILED in interleaving
// purpose: shows that cancelling a request during its grant loses no memory: P5.
// layer: tests; includes everything.
// threads: one frees the only block; one destroys the request that waits first.
// invariants: the second request is granted, whether or not the first one was.
#include "Inputs/world.hpp"

using namespace mneme;

namespace {

struct GrantAgainstCancel : model::World<GrantAgainstCancel, 2, 1> {
  void* first = nullptr;
  model::Task cancelled;
  model::Task behind;

  void before() {
    first = live_block();
    for (model::Task* task : {&cancelled, &behind}) task->wait(*heap);
  }

  void thread(unsigned id) {
    if (id == 0) {
      free(first);
    } else {
      cancelled.end();
    }
  }

  void after() {
    RL_ASSERT(cancelled.wakes() <= 1);
    behind.finish();
    check_all_came_back();
  }
};

}  // namespace

const model::Searched<GrantAgainstCancel> grant_against_cancel{{.preemptions = 4}};
