// RUN: %model | FileCheck %s
// RUN: %fails --lose=lock.post_or_acquire | FileCheck %s --check-prefix=WRONG
// CHECK: waker_ends_its_own_request: 4 preemptions: {{([0-9]{4,})}} interleavings, no failure
// CHECK-NEXT: waker_ends_its_own_request: random: 4000 interleavings, no failure
// WRONG: waker_ends_its_own_request: {{.*}}: USER ASSERT FAILED in interleaving
// purpose: shows that a waker may destroy its own request, and that the memory goes to the next.
// layer: tests; includes everything.
// threads: two free a block each; one of the frees grants the request whose waker ends it.
// invariants: the waker does not wait for itself; the request behind needs both blocks.
#include "Inputs/world.hpp"

using namespace mneme;

namespace {

struct WakerEndsItsOwnRequest : model::World<WakerEndsItsOwnRequest, 2, 2> {
  void* blocks[2]{};
  model::Task own;
  model::Task behind;

  void before() {
    for (void*& each : blocks) each = live_block();
    own.argument = &own;
    own.on_wake = [](void* task) { static_cast<model::Task*>(task)->end(); };
    own.wait(*heap);
    behind.wait(*heap, model::two_units);
  }

  void thread(unsigned id) { free(blocks[id]); }

  void after() {
    RL_ASSERT(own.wakes() == 1);
    behind.finish();
    check_all_came_back();
  }
};

}  // namespace

const model::Searched<WakerEndsItsOwnRequest> waker_ends_its_own_request{{.preemptions = 4}};
