// RUN: %model | FileCheck %s
// RUN: %fails --weaken=registry.replace | FileCheck %s --check-prefix=RACE
// RUN: %fails --weaken=registry.find | FileCheck %s --check-prefix=RACE
// RUN: %fails --lose=registry.replace | FileCheck %s --check-prefix=WRONG
// CHECK: heaps_begin_and_end_at_once: full search: {{([0-9]{3,})}} interleavings, no failure
// CHECK-NEXT: heaps_begin_and_end_at_once: random: 4000 interleavings, no failure
// RACE: heaps_begin_and_end_at_once: {{.*}}: DATA RACE in interleaving
// WRONG: heaps_begin_and_end_at_once: {{.*}}: USER ASSERT FAILED in interleaving
// purpose: shows that two heaps never take one slot: each is known as long as it lives.
// layer: tests; includes registry.
// threads: two, each with a heap that begins, is looked for, and ends.
// invariants: finding a heap publishes its fields; at the end all slots are free.
#include "Inputs/model.hpp"

#include <mneme/registry.hpp>

using namespace mneme;

namespace {

struct HeapsBeginAndEndAtOnce : rl::test_suite<HeapsBeginAndEndAtOnce, 2> {
  BasicRegistry<Atomic, 2> list;
  HeapRecord heaps[2];
  model::Ghost identities[2];

  void thread(unsigned id) {
    identities[id].touch();
    list.add(&heaps[id]);
    RL_ASSERT(list.is_complete());
    RL_ASSERT(find(&heaps[id]));
    (void)find(nullptr);  // a look at all there are, as a begin has for heaps that collide
    list.remove(&heaps[id]);
  }

  bool find(const HeapRecord* wanted) {
    return list.find([&](const HeapRecord* each) {
      identities[each == &heaps[0] ? 0 : 1].look();
      return each == wanted;
    }) != nullptr;
  }

  void after() {
    RL_ASSERT(!find(&heaps[0]) && !find(&heaps[1]));
    RL_ASSERT(list.is_complete());
  }
};

}  // namespace

const model::Searched<HeapsBeginAndEndAtOnce> heaps_begin_and_end_at_once{{.full = true}};
