// RUN: %model | FileCheck %s
// RUN: %fails --weaken=lock.acquire | FileCheck %s --check-prefix=RACE
// RUN: %fails --weaken=lock.release | FileCheck %s --check-prefix=RACE
// RUN: %fails --weaken=lock.post_or_acquire | FileCheck %s --check-prefix=WRONG
// CHECK: free_against_take: {{full search|3 preemptions}}: {{[0-9]{3}.*}} interleavings, no failure
// CHECK-NEXT: free_against_take: random: 4000 interleavings, no failure
// RACE: free_against_take: {{.*}}: DATA RACE in interleaving
// WRONG: free_against_take: {{.*}}: USER ASSERT FAILED in interleaving
// purpose: shows that a free of a locked heap is carried out by the lock owner, or by itself.
// layer: tests; includes everything.
// threads: one frees a block, one allocates another and frees it.
// invariants: the raw heap has one owner at a time, and nothing is stranded in the free queue.
#include "Inputs/world.hpp"

using namespace mneme;

namespace {

struct FreeAgainstTake : model::World<FreeAgainstTake, 2, 2> {
  void* first = nullptr;

  void before() { first = live_block(); }

  void thread(unsigned id) {
    if (id == 0) {
      free(first);
    } else if (void* const second = heap->try_allocate(model::unit); second != nullptr) {
      free(second);
    }
  }

  void after() { check_all_came_back(); }
};

}  // namespace

const model::Searched<FreeAgainstTake> free_against_take{{.full = true, .brief = 3}};
