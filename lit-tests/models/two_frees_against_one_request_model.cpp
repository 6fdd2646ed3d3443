// RUN: %model | FileCheck %s
// RUN: %fails --weaken=spin.lock | FileCheck %s --check-prefix=RACE
// RUN: %fails --lose=lock.post_or_acquire | FileCheck %s --check-prefix=WRONG
// CHECK: {{[23]}} preemptions: {{[0-9]{4}.*}} interleavings, no failure
// CHECK-NEXT: two_frees_against_one_request: random: 4000 interleavings, no failure
// RACE: two_frees_against_one_request: {{.*}}: DATA RACE in interleaving
// WRONG: two_frees_against_one_request: {{.*}}: DEADLOCK in interleaving
// purpose: shows that two frees which only together make room grant a request: P1.
// layer: tests; includes everything.
// threads: one requests two units, and sleeps until it is woken; two free one unit each.
// invariants: the request is granted by the second free, or at once.
#include "Inputs/world.hpp"

using namespace mneme;

namespace {

struct TwoFreesAgainstOneRequest : model::World<TwoFreesAgainstOneRequest, 3, 2> {
  void* blocks[2] = {};
  model::Sleeper task;

  void before() {
    for (void*& block : blocks) block = live_block();
  }

  void thread(unsigned id) {
    if (id < 2) {
      free(blocks[id]);
    } else {
      task.begin(*heap, model::two_units);
      if (!task.poll()) task.sleep();
      task.free();
    }
  }

  void after() {
    RL_ASSERT(task.wakes() <= 1);
    check_all_came_back();
  }
};

}  // namespace

const model::Searched<TwoFreesAgainstOneRequest> two_frees_against_one_request{{.brief = 2}};
