// RUN: %model | FileCheck %s
// RUN: %fails --lose=lent.end | FileCheck %s --check-prefix=STUCK
// RUN: %fails --weaken=spin.unlock | FileCheck %s --check-prefix=RACE
// CHECK: lock_against_cancel: {{.*}}: {{([0-9]{3,})}} interleavings, no failure
// CHECK-NEXT: lock_against_cancel: random: 4000 interleavings, no failure
// STUCK: lock_against_cancel: {{.*}}: DEADLOCK in interleaving
// RACE: lock_against_cancel: {{.*}}: DATA RACE in interleaving
// purpose: shows that a lock which is cancelled while it is handed over goes to whoever is next.
// layer: tests; includes everything.
// threads: one frees the only block; one cancels a lock that waits for it; one waits behind that.
// invariants: the heap is not left locked, and nobody waits for ever.
#include "Inputs/world.hpp"

#include <mneme/waiting/lock_request.hpp>

using namespace mneme;

namespace {

struct LockAgainstCancel : model::World<LockAgainstCancel, 3, 1> {
  void* first = nullptr;
  model::Sleeper front;
  std::optional<LockRequest<model::Heap>> lock;
  model::Sleeper behind;

  static void wake(void* /*context*/) noexcept {}

  void before() {
    first = live_block();
    front.wait(*heap);
    lock.emplace(*heap);
    RL_ASSERT(!lock->poll({.wake = wake}));
    behind.wait(*heap);
  }

  void thread(unsigned id) {
    if (id == 0) {
      free(first);
      front.sleep();
      front.free();
    } else if (id == 1) {
      lock.reset();
    } else {
      behind.sleep();
      behind.free();
    }
  }

  void after() { check_all_came_back(); }
};

}  // namespace

const model::Searched<LockAgainstCancel> lock_against_cancel{{.preemptions = 2}};
