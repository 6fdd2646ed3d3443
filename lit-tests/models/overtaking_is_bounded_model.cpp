// RUN: %model | FileCheck %s
// RUN: %fails --weaken=spin.unlock | FileCheck %s --check-prefix=RACE
// CHECK: overtaking_is_bounded: 2 preemptions: {{([0-9]{4,})}} interleavings, no failure
// CHECK-NEXT: overtaking_is_bounded: random: 4000 interleavings, no failure
// RACE: overtaking_is_bounded: {{.*}}: DATA RACE in interleaving
// purpose: shows that a waiter is passed once at most with Overtaking<1>, and is granted at last.
// layer: tests; includes everything.
// threads: two; each asks for a unit, which fits, and frees one. The head waits for all units.
// invariants: all are granted.
#include "Inputs/world.hpp"

#include <mneme/waiting/overtaking.hpp>

using namespace mneme;

namespace {

using PassingHeap = model::HeapWith<Overtaking<1>>;

struct Passer : model::BasicTask<PassingHeap> {
  bool is_done = false;
};

struct OvertakingIsBounded : model::World<OvertakingIsBounded, 2, 4, PassingHeap> {
  std::array<void*, 2> live{};
  std::array<Passer, 2> passers;
  model::BasicTask<PassingHeap> head;
  int passes = 0;

  /// Called by the waker of each passer.
  static void count(void* world) {
    auto& own = *static_cast<OvertakingIsBounded*>(world);
    if (own.head.wakes() == 0) ++own.passes;
  }

  void before() {
    for (void*& each : live) each = live_block();
    head.wait(*heap, model::four_units);
    for (Passer& each : passers) {
      each.on_wake = count;
      each.argument = this;
    }
  }

  void thread(unsigned id) {
    passers[id].begin(*heap);
    passers[id].is_done = passers[id].poll();
    if (passers[id].is_done) passers[id].free();
    free(live[id]);
  }

  void after() {
    RL_ASSERT(passes <= 1);
    const auto finish = [&] {
      for (Passer& each : passers) {
        if (each.wakes() == 0 || std::exchange(each.is_done, true)) continue;
        each.finish();
      }
    };
    finish();
    head.finish();
    finish();
    RL_ASSERT(passers[0].is_done && passers[1].is_done);
    check_all_came_back();
  }
};

}  // namespace

const model::Searched<OvertakingIsBounded> overtaking_is_bounded{{.preemptions = 2}};
