// RUN: %model | FileCheck %s
// RUN: %fails --weaken=free.push | FileCheck %s --check-prefix=RACE
// RUN: %fails --lose=free.push | FileCheck %s --check-prefix=WRONG
// CHECK: {{[12] preemptions?}}: {{[0-9]{2}.*}} interleavings, no failure
// CHECK-NEXT: two_polls_against_two_frees: random: 4000 interleavings, no failure
// RACE: two_polls_against_two_frees: {{.*}}: DATA RACE in interleaving
// WRONG: two_polls_against_two_frees: {{.*}}: USER ASSERT FAILED in interleaving
// purpose: shows that two concurrent reclaims return each block once, and wake the waiting task.
// layer: tests; includes everything.
// threads: two defer a free each; two poll.
// invariants: the next poll reclaims what these did not: then the request has both blocks.
#include "Inputs/world.hpp"

using namespace mneme;

namespace {

struct TwoPollsAgainstTwoFrees : model::World<TwoPollsAgainstTwoFrees, 4, 2> {
  void* blocks[2] = {};
  model::Task waits;

  void before() {
    for (void*& block : blocks) block = live_block();
    waits.wait(*heap, model::two_units);
  }

  void thread(unsigned id) {
    if (id < 2) {
      model::use(blocks[id]);
      heap->defer_free(blocks[id], model::unit);
    } else {
      heap->poll();
    }
  }

  void after() {
    heap->poll();
    waits.finish();
    check_all_came_back();
  }
};

}  // namespace

const model::Searched<TwoPollsAgainstTwoFrees> two_polls_against_two_frees{
    {.preemptions = 2, .brief = 1}};
