// RUN: %model | FileCheck %s
// RUN: %fails --weaken=free.push | FileCheck %s --check-prefix=RACE
// RUN: %fails --weaken=free.drain | FileCheck %s --check-prefix=RACE
// RUN: %fails --lose=free.push | FileCheck %s --check-prefix=WRONG
// RUN: %fails --lose=free.drain | FileCheck %s --check-prefix=WRONG
// CHECK: push_against_drain: full search: {{([0-9]{3,})}} interleavings, no failure
// CHECK-NEXT: push_against_drain: random: 4000 interleavings, no failure
// RACE: push_against_drain: {{.*}}: DATA RACE in interleaving
// WRONG: push_against_drain: {{.*}}: USER ASSERT FAILED in interleaving
// purpose: shows that drains get each block once, and see what was written before it was pushed.
// layer: tests; includes free_queue.
// threads: one pushes two blocks, one drains twice.
// invariants: link and size are read only after they were written.
#include "Inputs/model.hpp"

#include <mneme/free_queue.hpp>

using namespace mneme;

namespace {

struct PushAgainstDrain : rl::test_suite<PushAgainstDrain, 2> {
  FreeQueue queue;
  model::Memory memory;
  int drained[2] = {0, 0};

  std::byte* block(std::size_t which) { return memory.region(16 * which, 16).data(); }

  void take_all() {
    for (node::FreedNode* freed = queue.drain(); freed != nullptr;) {
      ++drained[node::block_of_freed(freed) == block(0) ? 0 : 1];
      freed = node::load_freed(freed).link;
    }
  }

  void thread(unsigned id) {
    if (id == 0) {
      for (std::size_t i = 0; i < 2; ++i) queue.push(node::make_freed(block(i), 16));
    } else {
      take_all();
      take_all();
    }
  }

  void after() {
    take_all();
    RL_ASSERT(drained[0] == 1 && drained[1] == 1);
  }
};

}  // namespace

const model::Searched<PushAgainstDrain> push_against_drain{{.full = true}};
