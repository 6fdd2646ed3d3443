// RUN: %model | FileCheck %s
// RUN: %fails --weaken=spin.unlock | FileCheck %s --check-prefix=RACE
// RUN: %fails --lose=lock.post_or_acquire | FileCheck %s --check-prefix=WRONG
// CHECK: priorities_are_kept: 3 preemptions: {{([0-9]{4,})}} interleavings, no failure
// CHECK-NEXT: priorities_are_kept: random: 4000 interleavings, no failure
// RACE: priorities_are_kept: {{.*}}: DATA RACE in interleaving
// WRONG: priorities_are_kept: {{.*}}: USER ASSERT FAILED in interleaving
// purpose: shows that a free grants the highest priority that waits, whoever was there before: P2.
// layer: tests; includes everything.
// threads: one frees the only unit, for which an ordinary request waits; one asks to go first.
// invariants: what began to wait before the free began is granted by it; the other one later.
#include "Inputs/world.hpp"

#include <mneme/waiting/priorities.hpp>

using namespace mneme;

namespace {

using LevelHeap = model::HeapWith<Priorities<2>>;
using LevelTask = model::BasicTask<LevelHeap>;

struct PrioritiesAreKept : model::World<PrioritiesAreKept, 2, 1, LevelHeap> {
  void* live = nullptr;
  LevelTask ordinary;
  LevelTask first;
  bool first_is_done = false;
  Atomic<int> waits{0};
  bool waited = false;  // before the free began

  void before() {
    live = live_block();
    ordinary.wait(*heap);
  }

  void thread(unsigned id) {
    if (id == 0) {
      waited = waits.load(std::memory_order_acquire) == 1;
      return free(live);
    }
    first.begin(*heap);
    first.set_priority(1);
    first_is_done = first.poll();
    if (!first_is_done) waits.store(1, std::memory_order_release);
  }

  void after() {
    if (waited) RL_ASSERT(first.wakes() == 1 && ordinary.wakes() == 0);
    RL_ASSERT(first_is_done || first.wakes() + ordinary.wakes() == 1);
    const auto finish_first = [&] { first_is_done ? first.free() : first.finish(); };
    const bool in_order = !first_is_done && first.wakes() == 0;  // of arrival
    if (!in_order) finish_first();
    ordinary.finish();
    if (in_order) finish_first();
    check_all_came_back();
  }
};

}  // namespace

const model::Searched<PrioritiesAreKept> priorities_are_kept{{.preemptions = 3}};
