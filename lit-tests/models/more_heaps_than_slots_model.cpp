// RUN: %model | FileCheck %s
// RUN: %fails --lose=registry.unlisted | FileCheck %s --check-prefix=WRONG
// RUN: %fails --lose=registry.gone | FileCheck %s --check-prefix=WRONG
// CHECK: more_heaps_than_slots: full search: {{([0-9]{2,})}} interleavings, no failure
// CHECK-NEXT: more_heaps_than_slots: random: 4000 interleavings, no failure
// WRONG: more_heaps_than_slots: {{.*}}: USER ASSERT FAILED in interleaving
// purpose: shows that heaps for which there is no slot are counted, however they begin and end.
// layer: tests; includes registry.
// threads: two, each with a heap that begins and ends, while a third has the only slot.
// invariants: a registry without some heaps reports that; in the end it is complete.
#include "Inputs/model.hpp"

#include <mneme/registry.hpp>

using namespace mneme;

namespace {

struct MoreHeapsThanSlots : rl::test_suite<MoreHeapsThanSlots, 2> {
  BasicRegistry<Atomic, 1> list;
  HeapRecord heaps[3];

  void before() { list.add(&heaps[2]); }

  void thread(unsigned id) {
    list.add(&heaps[id]);
    RL_ASSERT(!list.is_complete());
    list.remove(&heaps[id]);
  }

  void after() {
    RL_ASSERT(list.is_complete());
    RL_ASSERT(list.find([&](const HeapRecord* each) { return each == &heaps[2]; }) == &heaps[2]);
  }
};

}  // namespace

const model::Searched<MoreHeapsThanSlots> more_heaps_than_slots{{.full = true}};
