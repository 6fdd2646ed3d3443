// RUN: %model | FileCheck %s
// RUN: %fails --lose=free.push | FileCheck %s --check-prefix=WRONG
// CHECK: deferred_frees_against_the_end: full search: {{([0-9]{3,})}} interleavings, no failure
// CHECK-NEXT: deferred_frees_against_the_end: random: 4000 interleavings, no failure
// WRONG: deferred_frees_against_the_end: {{.*}}: USER ASSERT FAILED in interleaving
// purpose: shows that a heap's destructor reclaims the blocks in its free queue.
// layer: tests; includes everything.
// threads: two defer a free each; then the heap is destroyed.
// invariants: the destructor finds no live block.
#include "Inputs/world.hpp"

using namespace mneme;

namespace {

struct DeferredFreesAgainstTheEnd : model::World<DeferredFreesAgainstTheEnd, 2, 2> {
  void* blocks[2] = {};

  void before() {
    for (void*& block : blocks) block = live_block();
  }

  void thread(unsigned id) {
    model::use(blocks[id]);
    heap->defer_free(blocks[id], model::unit);
  }

  void after() { heap.reset(); }
};

}  // namespace

const model::Searched<DeferredFreesAgainstTheEnd> deferred_frees_against_the_end{{.full = true}};
