// RUN: %model | FileCheck %s
// RUN: %fails --lose=request.cancelled | FileCheck %s --check-prefix=WRONG
// RUN: %fails --weaken=spin.lock | FileCheck %s --check-prefix=RACE
// CHECK: reallocation_against_cancel: 2 preemptions: {{([0-9]{4,})}} interleavings, no failure
// CHECK-NEXT: reallocation_against_cancel: random: 4000 interleavings, no failure
// WRONG: reallocation_against_cancel: {{.*}} in interleaving
// RACE: reallocation_against_cancel: {{.*}}: DATA RACE in interleaving
// purpose: shows that a block which grew in place is as before once its request is cancelled: P5.
// layer: tests; includes everything.
// threads: one cancels the request; one frees what is behind the block, and polls.
// invariants: the coroutine frees the block at once, with the layout that its owner says.
#include "Inputs/coroutine.hpp"

#include <mneme/waiting/reallocate.hpp>

using namespace mneme;

namespace {

using Block = Allocation<model::Heap>;

/// While it undoes what was granted, nobody else may touch the block's header.
struct WatchedReallocation : ReallocationWanted<model::Heap, Block> {
  using ReallocationWanted::ReallocationWanted;

  template <class Access>
  [[nodiscard]] bool undo(Access access) noexcept {
    header->touch();
    return ReallocationWanted::undo(access);
  }
  model::Ghost* header = nullptr;
};

struct ReallocationAgainstCancel : model::World<ReallocationAgainstCancel, 2, 2> {
  Block block;
  void* behind = nullptr;
  model::Ghost header;
  std::optional<CustomRequest<model::Heap, WatchedReallocation>> request;
  model::Coroutine task;
  int resumes = 0;

  model::Coroutine grow_and_free() {
    const auto done = co_await *request;
    ++resumes;
    RL_ASSERT(block.layout() == (done ? model::two_units : model::unit));
    model::use(block.data(), block.layout());
    header.touch();
    block.reset();
  }

  void before() {
    block = Block::from_leaked(live_block(), model::unit);
    behind = live_block();
    WatchedReallocation wanted(block, model::two_units.size);
    wanted.header = &header;
    request.emplace(*heap, wanted);
    task = grow_and_free();
  }

  void thread(unsigned id) {
    if (id == 0) {
      request->cancel();
    } else {
      free(behind);
      heap->poll();
    }
  }

  void after() {
    heap->poll();
    RL_ASSERT(resumes == 1 && task.done());
    check_all_came_back();
  }
};

}  // namespace

const model::Searched<ReallocationAgainstCancel> reallocation_against_cancel{{.preemptions = 2}};
