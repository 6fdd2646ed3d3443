// RUN: %model | FileCheck %s
// RUN: %fails --weaken=lent.end=acquire | FileCheck %s --check-prefix=RACE
// RUN: %fails --weaken=lent.end=release | FileCheck %s --check-prefix=RACE
// RUN: %fails --lose=lent.set | FileCheck %s --check-prefix=RACE
// CHECK: lock_hand_over: {{.*}}: {{([0-9]{3,})}} interleavings, no failure
// CHECK-NEXT: lock_hand_over: random: 4000 interleavings, no failure
// RACE: lock_hand_over: {{.*}}: DATA RACE in interleaving
// purpose: shows that a lock is handed to the guard that waits for it while its waker still runs.
// layer: tests; includes everything.
// threads: one unlocks, which grants the lock and then a block; one sleeps until it has the lock.
// invariants: one at a time has the raw heap; one waker of a grant runs at a time; none is lost.
#include "Inputs/world.hpp"

#include <mneme/waiting/lock_request.hpp>

using namespace mneme;

namespace {

struct LockHandOver : model::World<LockHandOver, 2, 2> {
  Guard<model::Heap> guard;
  std::optional<LockRequest<model::Heap>> lock;
  model::Task behind;
  model::Bell bell;
  model::Ghost grants;  // what the wakers of grants may rely on: that they are called in turn

  static void wake(void* self) noexcept {
    auto& own = *static_cast<LockHandOver*>(self);
    own.bell.ring();
    own.grants.touch();
  }

  void before() {
    guard = heap->try_lock();
    lock.emplace(*heap);
    RL_ASSERT(!lock->poll({.wake = wake, .context = this}));
    behind.argument = &grants;
    behind.on_wake = [](void* ghost) { static_cast<model::Ghost*>(ghost)->touch(); };
    behind.wait(*heap);
  }

  void thread(unsigned id) {
    if (id == 0) {
      guard.unlock();
    } else {
      bell.wait();
      auto result = lock->poll();
      RL_ASSERT(result && *result);
      void* const block = (*result)->allocate(model::unit);
      RL_ASSERT(block != nullptr);
      free(block);  // deferred
      (*result)->unlock();
    }
  }

  void after() {
    lock.reset();
    behind.finish();
    check_all_came_back();
  }
};

}  // namespace

const model::Searched<LockHandOver> lock_hand_over{{.preemptions = 4}};
