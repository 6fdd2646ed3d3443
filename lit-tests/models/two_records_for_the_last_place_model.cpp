// RUN: %model | FileCheck %s
// RUN: %fails --lose=ring.ticket | FileCheck %s --check-prefix=WRONG
// CHECK: two_records_for_the_last_place: full search: {{([0-9]{2,})}} interleavings, no failure
// CHECK-NEXT: two_records_for_the_last_place: random: 4000 interleavings, no failure
// WRONG: two_records_for_the_last_place: {{.*}}: USER ASSERT FAILED in interleaving
// purpose: shows that a ring which stops keeps the first entry, and counts each other one.
// layer: tests; includes recording.
// threads: two put two entries each into a ring of one place.
// invariants: one entry is kept, and three are lost.
#include "Inputs/model.hpp"

#include <mneme/recording/ring.hpp>

using namespace mneme;

namespace {

struct TwoRecordsForTheLastPlace : rl::test_suite<TwoRecordsForTheLastPlace, 2> {
  RingSlot<int> slots[1];
  std::optional<Ring<int>> ring;

  void before() { ring.emplace(slots, WhenFull::stop); }

  void thread(unsigned id) {
    for (int i = 1; i <= 2; ++i) ring->put(static_cast<int>(10 * id) + i);
  }

  void after() {
    int kept = 0;
    const std::size_t lost = ring->read([&](int number) {
      ++kept;
      RL_ASSERT(number % 10 == 1);
    });
    RL_ASSERT(kept == 1 && lost == 3);
  }
};

}  // namespace

const model::Searched<TwoRecordsForTheLastPlace> two_records_for_the_last_place{{.full = true}};
