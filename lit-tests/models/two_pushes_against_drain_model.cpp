// RUN: %model | FileCheck %s
// RUN: %fails --weaken=free.push | FileCheck %s --check-prefix=RACE
// RUN: %fails --lose=free.push | FileCheck %s --check-prefix=WRONG
// CHECK: two_pushes_against_drain: 3 preemptions: {{([0-9]{6,})}} interleavings, no failure
// CHECK-NEXT: two_pushes_against_drain: random: 4000 interleavings, no failure
// RACE: two_pushes_against_drain: {{.*}}: DATA RACE in interleaving
// WRONG: two_pushes_against_drain: {{.*}}: USER ASSERT FAILED in interleaving
// purpose: shows that pushes of two threads lose no block to each other, nor to a drain.
// layer: tests; includes free_queue.
// threads: two push two blocks each, one drains twice.
// invariants: each block comes once, and of one thread's two the later one comes first.
#include "Inputs/model.hpp"

#include <mneme/free_queue.hpp>

using namespace mneme;

namespace {

struct TwoPushesAgainstDrain : rl::test_suite<TwoPushesAgainstDrain, 3> {
  FreeQueue queue;
  model::Memory memory;
  int drained = 0;
  bool came[4] = {};

  std::byte* block(std::size_t which) { return memory.region(16 * which, 16).data(); }

  void take_all() {
    bool earlier_came[4] = {};
    for (node::FreedNode* freed = queue.drain(); freed != nullptr;) {
      const auto which = static_cast<std::size_t>(node::block_of_freed(freed) - block(0)) / 16;
      RL_ASSERT(!came[which]);
      came[which] = true;
      RL_ASSERT(!earlier_came[which]);
      if (which % 2 == 0) earlier_came[which + 1] = true;
      ++drained;
      freed = node::load_freed(freed).link;
    }
  }

  void thread(unsigned id) {
    if (id == 2) {
      take_all();
      take_all();
      return;
    }
    for (unsigned i = 2 * id; i < 2 * id + 2; ++i) queue.push(node::make_freed(block(i), 16));
  }

  void after() {
    take_all();
    RL_ASSERT(drained == 4);
  }
};

}  // namespace

const model::Searched<TwoPushesAgainstDrain> two_pushes_against_drain{{}};
