// RUN: %model | FileCheck %s
// RUN: %fails --weaken=spin.lock | FileCheck %s --check-prefix=RACE
// RUN: %fails --weaken=lock.release | FileCheck %s --check-prefix=RACE
// CHECK: raise_against_cancel: 2 preemptions: {{([0-9]{4,})}} interleavings, no failure
// CHECK-NEXT: raise_against_cancel: random: 4000 interleavings, no failure
// RACE: raise_against_cancel: {{.*}}: DATA RACE in interleaving
// purpose: shows that raising a request that is being cancelled leaves the queue whole: P5.
// layer: tests; includes everything.
// threads: one cancels the waiter in the middle, one raises it, one frees the only unit.
// invariants: a request is in one list at most; those beside it are granted, in turn.
#include "Inputs/world.hpp"

#include <mneme/waiting/priorities.hpp>

using namespace mneme;

namespace {

using LevelHeap = model::HeapWith<Priorities<2>>;
using LevelTask = model::BasicTask<LevelHeap>;

struct RaiseAgainstCancel : model::World<RaiseAgainstCancel, 3, 1, LevelHeap> {
  void* live = nullptr;
  std::array<LevelTask, 3> tasks;

  void before() {
    live = live_block();
    for (LevelTask& task : tasks) task.wait(*heap);
  }

  void thread(unsigned id) {
    switch (id) {
      case 0: tasks[1].cancel(); break;
      case 1: tasks[1].raise(1); break;
      default: free(live);
    }
  }

  void after() {
    RL_ASSERT(heap->validate() == nullptr);
    RL_ASSERT(tasks[0].wakes() == 1 && tasks[1].wakes() <= 1 && tasks[2].wakes() == 0);
    tasks[0].finish();
    tasks[2].finish();
    check_all_came_back();
  }
};

}  // namespace

const model::Searched<RaiseAgainstCancel> raise_against_cancel{{.preemptions = 2}};
