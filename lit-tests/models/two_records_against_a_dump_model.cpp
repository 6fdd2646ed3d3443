// RUN: %model | FileCheck %s
// RUN: %fails --weaken=ring.claim | FileCheck %s --check-prefix=RACE
// RUN: %fails --weaken=ring.publish | FileCheck %s --check-prefix=RACE
// RUN: %fails --weaken=ring.read | FileCheck %s --check-prefix=RACE
// RUN: %fails --weaken=ring.return | FileCheck %s --check-prefix=RACE
// RUN: %fails --lose=ring.ticket | FileCheck %s --check-prefix=WRONG
// CHECK: two_records_against_a_dump: full search: {{([0-9]{3,})}} interleavings, no failure
// CHECK-NEXT: two_records_against_a_dump: random: 4000 interleavings, no failure
// RACE: two_records_against_a_dump: {{.*}}: DATA RACE in interleaving
// WRONG: two_records_against_a_dump: {{.*}}: USER ASSERT FAILED in interleaving
// purpose: shows that a ring's entries are whole and counted, though its only place is fought for.
// layer: tests; includes recording.
// threads: two put an entry each into the same place, one reads it.
// invariants: each entry is kept or lost, and what is read was put.
#include "Inputs/model.hpp"

#include <mneme/recording/ring.hpp>

using namespace mneme;

namespace {

/// Reading and writing it are steps that a search sees.
struct Entry {
  model::Ghost ghost;
  int number = 0;

  Entry() = default;
  Entry(const Entry& other) : number(other.number) { other.ghost.look(); }
  Entry& operator=(const Entry& other) {
    ghost.touch();
    number = other.number;
    return *this;
  }
};

struct TwoRecordsAgainstADump : rl::test_suite<TwoRecordsAgainstADump, 3> {
  RingSlot<Entry> slots[1];
  std::optional<Ring<Entry>> ring;

  void before() { ring.emplace(slots, WhenFull::overwrite); }

  int read_all() {
    int kept = 0;
    (void)ring->read([&](const Entry& entry) {
      RL_ASSERT(entry.number == 1 || entry.number == 2);
      ++kept;
    });
    return kept;
  }

  void thread(unsigned id) {
    if (id == 2) {
      RL_ASSERT(read_all() <= 1);
      return;
    }
    Entry entry;
    entry.number = static_cast<int>(id) + 1;
    ring->put(entry);
  }

  void after() {
    std::size_t kept = 0;
    const std::size_t lost = ring->read([&](const Entry&) { ++kept; });
    RL_ASSERT(kept <= 1 && kept + lost == 2);
  }
};

}  // namespace

const model::Searched<TwoRecordsAgainstADump> two_records_against_a_dump{{.full = true}};
