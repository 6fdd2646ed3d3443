// RUN: %model | FileCheck %s
// RUN: %fails --weaken=lock.post | FileCheck %s --check-prefix=WRONG
// RUN: %fails --lose=lock.post | FileCheck %s --check-prefix=WRONG
// CHECK: {{full search|3 preemptions}}: {{[0-9]{3}.*}} interleavings, no failure
// CHECK-NEXT: deferred_free_against_release: random: 4000 interleavings, no failure
// WRONG: deferred_free_against_release: {{.*}}: USER ASSERT FAILED in interleaving
// purpose: shows that the next release, request or poll carries out a deferred free: P1, P4.
// layer: tests; includes everything.
// threads: one defers a free; one releases the heap, polls it or requests memory.
// invariants: the waiting request is granted if the free was deferred before the other unlocked.
#include "Inputs/world.hpp"

using namespace mneme;

namespace {

struct DeferredFreeAgainstRelease : model::World<DeferredFreeAgainstRelease, 2, 1> {
  void* first = nullptr;
  model::Task waiting;
  bool deferred = false;
  bool deferred_before = false;

  void before() {
    first = live_block();
    waiting.wait(*heap);
  }

  void thread(unsigned id) {
    if (id == 0) {
      model::use(first);
      heap->defer_free(first, model::unit);
      deferred = true;
      return;
    }
    const unsigned choice = rl::rand(3);
    if (choice == 0) {
      heap->try_lock().unlock();
    } else if (choice == 1) {
      heap->poll();
    } else {
      RL_ASSERT(heap->try_allocate(model::unit) == nullptr);
    }
    // Each ends with letting go of the word, and nobody else comes between that and this note.
    deferred_before = deferred;
  }

  void after() {
    if (deferred_before) RL_ASSERT(waiting.wakes() == 1);
    heap->poll();
    waiting.finish();
    check_all_came_back();
  }
};

}  // namespace

const model::Searched<DeferredFreeAgainstRelease> deferred_free_against_release{
    {.full = true, .brief = 3}};
