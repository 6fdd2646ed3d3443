// RUN: %model | FileCheck %s
// RUN: %fails --weaken=lock.acquire | FileCheck %s --check-prefix=RACE
// RUN: %fails --lose=waits.resize | FileCheck %s --check-prefix=WRONG
// CHECK: try_allocate_against_waiter: full search: {{([0-9]{4,})}} interleavings, no failure
// CHECK-NEXT: try_allocate_against_waiter: random: 4000 interleavings, no failure
// RACE: try_allocate_against_waiter: {{.*}}: DATA RACE in interleaving
// WRONG: try_allocate_against_waiter: {{.*}}: USER ASSERT FAILED in interleaving
// purpose: shows that no request overtakes a waiter, at any moment of its grant: P2.
// layer: tests; includes everything.
// threads: one frees the only block; one tries to allocate it; a request waits from the beginning.
// invariants: the attempt fails, and the request is granted.
#include "Inputs/world.hpp"

using namespace mneme;

namespace {

struct TryAllocateAgainstWaiter : model::World<TryAllocateAgainstWaiter, 2, 1> {
  void* first = nullptr;
  model::Task waiting;

  void before() {
    first = live_block();
    waiting.wait(*heap);
  }

  void thread(unsigned id) {
    if (id == 0) {
      free(first);
    } else {
      RL_ASSERT(heap->try_allocate(model::unit) == nullptr);
    }
  }

  void after() {
    waiting.finish();
    check_all_came_back();
  }
};

}  // namespace

const model::Searched<TryAllocateAgainstWaiter> try_allocate_against_waiter{{.full = true}};
