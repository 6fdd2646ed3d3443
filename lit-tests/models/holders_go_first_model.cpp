// RUN: %model | FileCheck %s
// RUN: %fails --weaken=spin.unlock | FileCheck %s --check-prefix=RACE
// RUN: %fails --lose=lock.post_or_acquire | FileCheck %s --check-prefix=WRONG
// CHECK: holders_go_first: 3 preemptions: {{([0-9]{4,})}} interleavings, no failure
// CHECK-NEXT: holders_go_first: random: 4000 interleavings, no failure
// RACE: holders_go_first: {{.*}}: DATA RACE in interleaving
// WRONG: holders_go_first: {{.*}}: USER ASSERT FAILED in interleaving
// purpose: shows that a free grants a request that is marked as holding before all others: P2.
// layer: tests; includes everything.
// threads: one frees the only unit, for which an ordinary request waits; one asks to go first.
// invariants: what began to wait before the free began is granted by it; the other one later.
#include "Inputs/world.hpp"

#include <mneme/waiting/holders_first.hpp>

using namespace mneme;

namespace {

using HoldersHeap = model::HeapWith<HoldersFirst>;
using HoldersTask = model::BasicTask<HoldersHeap>;

struct HoldersGoFirst : model::World<HoldersGoFirst, 2, 1, HoldersHeap> {
  void* live = nullptr;
  HoldersTask ordinary;
  HoldersTask first;
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
    first.set_holding();
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

const model::Searched<HoldersGoFirst> holders_go_first{{.preemptions = 3}};
