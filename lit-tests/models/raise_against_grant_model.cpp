// RUN: %model | FileCheck %s
// RUN: %fails --weaken=spin.unlock | FileCheck %s --check-prefix=RACE
// RUN: %fails --lose=lock.post_or_acquire | FileCheck %s --check-prefix=WRONG
// CHECK: raise_against_grant: 4 preemptions: {{([0-9]{4,})}} interleavings, no failure
// CHECK-NEXT: raise_against_grant: random: 4000 interleavings, no failure
// RACE: raise_against_grant: {{.*}}: DATA RACE in interleaving
// WRONG: raise_against_grant: {{.*}}: USER ASSERT FAILED in interleaving
// purpose: shows that a waiter that is raised while another is granted is granted too: P1.
// layer: tests; includes everything.
// threads: one frees the unit that the head lacks; one raises the waiter behind it, which fits.
// invariants: either is granted at once, and the other by what that one frees.
#include "Inputs/world.hpp"

#include <mneme/waiting/priorities.hpp>

using namespace mneme;

namespace {

using LevelHeap = model::HeapWith<Priorities<2>>;
using LevelTask = model::BasicTask<LevelHeap>;

struct RaiseAgainstGrant : model::World<RaiseAgainstGrant, 2, 2, LevelHeap> {
  void* live = nullptr;
  LevelTask head;
  LevelTask raised;

  void before() {
    live = live_block();
    head.wait(*heap, model::two_units);
    raised.wait(*heap);
  }

  void thread(unsigned id) { id == 0 ? free(live) : raised.raise(1); }

  void after() {
    RL_ASSERT(head.wakes() + raised.wakes() == 1);
    const bool in_order = head.wakes() == 1;
    (in_order ? head : raised).finish();
    (in_order ? raised : head).finish();
    check_all_came_back();
  }
};

}  // namespace

const model::Searched<RaiseAgainstGrant> raise_against_grant{{.preemptions = 4}};
