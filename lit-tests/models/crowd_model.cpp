// RUN: %model | FileCheck %s
// RUN: %fails --weaken=lock.acquire | FileCheck %s --check-prefix=RACE
// RUN: %fails --weaken=free.drain | FileCheck %s --check-prefix=RACE
// RUN: %fails --lose=lock.post_or_acquire | FileCheck %s --check-prefix=WRONG
// CHECK: crowd: {{(0|1) preemptions?}}: {{([0-9]{2,})}} interleavings, no failure
// CHECK-NEXT: crowd: random: 40000 interleavings, no failure
// RACE: crowd: {{.*}}: DATA RACE in interleaving
// WRONG: crowd: {{.*}}: USER ASSERT FAILED in interleaving
// purpose: shows for many threads what smaller models show for two, by random schedules.
// layer: tests; includes everything.
// threads: two free and request; one holds a guard; one cancels the head; one defers a free.
// invariants: earlier waiting requests are granted once all are done, without a further call (P1).
#include "Inputs/world.hpp"

using namespace mneme;

namespace {

struct Crowd : model::World<Crowd, 5, 4> {
  void* blocks[4] = {};
  model::Task head;               // waits for two units, and is cancelled
  model::Task behind;             // waits for one
  model::Task last;               // waits for two
  model::Task newcomers[2];       // one unit each
  bool done[2] = {false, false};  // a newcomer had its memory, and gave it back

  void before() {
    for (void*& block : blocks) block = live_block();
    head.wait(*heap, model::two_units);
    behind.wait(*heap);
    last.wait(*heap, model::two_units);
  }

  void thread(unsigned id) {
    switch (id) {
      case 0:
      case 1:
        free(blocks[id]);
        newcomers[id].begin(*heap);
        done[id] = newcomers[id].poll();
        if (done[id]) newcomers[id].free();
        break;
      case 2:
        if (auto guard = heap->try_lock(); guard) {
          if (void* const block = guard.allocate(model::unit); block != nullptr) free(block);
        }
        free(blocks[2]);
        break;
      case 3: head.end(); break;
      default:
        model::use(blocks[3]);
        heap->defer_free(blocks[3], model::unit);
        heap->poll();
    }
  }

  void after() {
    behind.finish();
    last.finish();
    for (int i = 0; i < 2; ++i) {
      if (!done[i]) newcomers[i].finish();
    }
    check_all_came_back();
  }
};

}  // namespace

const model::Searched<Crowd> crowd{{.preemptions = 1, .random = 40'000, .brief = 0}};
