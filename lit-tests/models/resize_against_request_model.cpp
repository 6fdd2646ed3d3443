// RUN: %model | FileCheck %s
// RUN: %fails --weaken=lock.acquire | FileCheck %s --check-prefix=RACE
// RUN: %fails --lose=lock.release | FileCheck %s --check-prefix=WRONG
// CHECK: resize_against_request: 4 preemptions: {{([0-9]{4,})}} interleavings, no failure
// CHECK-NEXT: resize_against_request: random: 4000 interleavings, no failure
// RACE: resize_against_request: {{.*}}: DATA RACE in interleaving
// WRONG: resize_against_request: {{.*}}: USER ASSERT FAILED in interleaving
// purpose: shows that a block never grows into another, and that shrinking it grants: P1, P8.
// layer: tests; includes everything.
// threads: one grows its block into the rest of the heap, and shrinks it; one requests the rest.
// invariants: the memory has one owner; what the first returns is granted at once.
#include "Inputs/world.hpp"

using namespace mneme;

namespace {

struct ResizeAgainstRequest : model::World<ResizeAgainstRequest, 2, 2> {
  void* block = nullptr;
  Layout layout = model::unit;
  model::Task task;
  bool waited = false;

  void before() { block = live_block(); }

  void resize(Layout wanted) {
    if (!heap->try_resize(block, layout, wanted)) return;
    layout = wanted;
    model::use(block, layout);
  }

  void thread(unsigned id) {
    if (id == 0) {
      resize(model::two_units);
      resize(model::unit);  // not done if somebody holds the heap just then
    } else {
      task.begin(*heap);
      waited = !task.poll();
    }
  }

  void after() {
    const bool has_all = layout.size == model::two_units.size;
    RL_ASSERT(!waited || task.wakes() == (has_all ? 0 : 1));
    free(block, layout);
    RL_ASSERT(!waited || (task.wakes() == 1 && task.poll()));
    task.free();
    check_all_came_back();
  }
};

}  // namespace

const model::Searched<ResizeAgainstRequest> resize_against_request{{.preemptions = 4}};
