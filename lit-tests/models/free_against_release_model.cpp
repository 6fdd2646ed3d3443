// RUN: %model | FileCheck %s
// RUN: %fails --weaken=lock.clear_work | FileCheck %s --check-prefix=WRONG
// RUN: %fails --lose=lock.post_or_acquire | FileCheck %s --check-prefix=WRONG
// CHECK: free_against_release: full search: {{([0-9]{3,})}} interleavings, no failure
// CHECK-NEXT: free_against_release: random: 4000 interleavings, no failure
// WRONG: free_against_release: {{.*}}: USER ASSERT FAILED in interleaving
// purpose: shows that a guard's release grants what a free made fit meanwhile: P1.
// layer: tests; includes everything.
// threads: one holds a guard for a moment, one frees; a request waits from the beginning.
// invariants: the later of the two does the work, without a further call.
#include "Inputs/world.hpp"

using namespace mneme;

namespace {

struct FreeAgainstRelease : model::World<FreeAgainstRelease, 2, 1> {
  void* first = nullptr;
  model::Task waiting;

  void before() {
    first = live_block();
    waiting.wait(*heap);
  }

  void thread(unsigned id) {
    if (id == 0) {
      heap->try_lock().unlock();
    } else {
      free(first);
    }
  }

  void after() {
    waiting.finish();
    check_all_came_back();
  }
};

}  // namespace

const model::Searched<FreeAgainstRelease> free_against_release{{.full = true}};
