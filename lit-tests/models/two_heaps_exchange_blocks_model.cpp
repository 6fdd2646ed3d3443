// RUN: %model | FileCheck %s
// RUN: %fails --weaken=free.push | FileCheck %s --check-prefix=RACE
// RUN: %fails --weaken=free.drain | FileCheck %s --check-prefix=RACE
// CHECK: two_heaps_exchange_blocks: 4 preemptions: {{([0-9]{5,})}} interleavings, no failure
// CHECK-NEXT: two_heaps_exchange_blocks: random: 4000 interleavings, no failure
// RACE: two_heaps_exchange_blocks: {{.*}}: DATA RACE in interleaving
// purpose: shows that blocks return to the heap they came from, whichever thread frees them.
// layer: tests; includes everything.
// threads: each has a heap, and a block of the other's: it frees that, and allocates of its own.
// invariants: a block's bytes have one owner at a time, on their way through both free queues.
#include "Inputs/world.hpp"

using namespace mneme;

namespace {

struct TwoHeapsExchangeBlocks : model::World<TwoHeapsExchangeBlocks, 2, 2> {
  std::unique_ptr<model::Heap> other =
      std::make_unique<model::Heap>(memory.region(2 * model::unit_bytes, 2 * model::unit_bytes));
  Allocation<model::Heap> held[2];

  void before() {
    for (model::Heap* const from : {other.get(), heap.get()}) {
      Allocation<model::Heap>& to = held[from == heap.get() ? 1 : 0];
      to = Allocation<model::Heap>::from_leaked(from->try_allocate(model::unit), model::unit);
    }
  }

  void thread(unsigned id) {
    model::Heap& own = id == 0 ? *heap : *other;
    model::use(held[id].data());
    held[id].reset();
    if (void* const next = own.try_allocate(model::two_units); next != nullptr) {
      model::use(next, model::two_units);
      own.free(next, model::two_units);
    }
  }

  void after() {
    check_all_came_back();
    check_all_came_back(*other);
  }
};

}  // namespace

const model::Searched<TwoHeapsExchangeBlocks> two_heaps_exchange_blocks{{.preemptions = 4}};
