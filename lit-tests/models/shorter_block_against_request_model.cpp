// RUN: %model | FileCheck %s
// RUN: %fails --lose=lock.post_or_acquire | FileCheck %s --check-prefix=STUCK
// CHECK: shorter_block_against_request: 3 preemptions: {{([0-9]{4,})}} interleavings, no failure
// CHECK-NEXT: shorter_block_against_request: random: 4000 interleavings, no failure
// STUCK: shorter_block_against_request: {{.*}} in interleaving
// purpose: shows that what a block gives back while the heap is locked goes to who waits: P1.
// layer: tests; includes everything.
// threads: one has a block, and makes it shorter; one requests the rest, and sleeps until it comes.
// invariants: the memory has one owner; nobody waits for ever.
#include "Inputs/world.hpp"

#include <mneme/waiting/reallocate.hpp>

using namespace mneme;

namespace {

struct ShorterBlockAgainstRequest : model::World<ShorterBlockAgainstRequest, 2, 2> {
  using Block = Allocation<model::Heap>;

  Block block;
  model::Sleeper task;

  void before() { block = Block::from_leaked(live_block(model::two_units), model::two_units); }

  void thread(unsigned id) {
    if (id == 0) {
      const auto done = heap->reallocate(block, model::unit.size).poll();
      RL_ASSERT(done && *done);
      model::use(block.data(), block.layout());
    } else {
      task.take_and_free(*heap);
    }
  }

  void after() {
    block.reset();
    check_all_came_back();
  }
};

}  // namespace

const model::Searched<ShorterBlockAgainstRequest> shorter_block_against_request{{.preemptions = 3}};
