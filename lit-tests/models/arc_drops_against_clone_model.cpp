// RUN: %model | FileCheck %s
// RUN: %fails --weaken=arc.drop=acquire | FileCheck %s --check-prefix=RACE
// RUN: %fails --weaken=arc.drop=release | FileCheck %s --check-prefix=RACE
// RUN: %fails --lose=arc.clone | FileCheck %s --check-prefix=GONE
// CHECK: arc_drops_against_clone: full search: {{([0-9]{2,})}} interleavings, no failure
// CHECK-NEXT: arc_drops_against_clone: random: 4000 interleavings, no failure
// RACE: arc_drops_against_clone: {{.*}}: DATA RACE in interleaving
// GONE: arc_drops_against_clone: {{.*}}: ACCESS TO FREED MEMORY in interleaving
// purpose: shows that the last owner of an Arc alone destroys the object, on any thread.
// layer: tests; includes everything.
// threads: two own one object: one clones it, reads it by both owners, and drops both; one drops.
// invariants: the object is destroyed after the last read of any owner; its memory is freed once.
#include "Inputs/model.hpp"

#include <mneme/mneme.hpp>

using namespace mneme;

namespace {

struct Object {
  explicit Object(int* ends) : ends(ends) {}
  ~Object() {
    bytes.touch();
    ++*ends;
  }

  int* ends;
  model::Ghost bytes;
};

struct ArcDropsAgainstClone : rl::test_suite<ArcDropsAgainstClone, 2> {
  alignas(16) std::byte region[256];  // a plain heap: the object has its own Ghost
  std::unique_ptr<Heap> heap = std::make_unique<Heap>(std::span(region));
  Arc<Object> owners[2];
  int ends = 0;

  void before() {
    auto request = heap->make_arc<Object>(&ends);
    owners[0] = *std::move(*request.poll());
    owners[1] = owners[0];
  }

  void thread(unsigned id) {
    if (id == 0) {
      Arc<Object> clone = owners[0].clone();
      clone->bytes.look();
      clone.reset();
    }
    owners[id]->bytes.look();
    owners[id].reset();
  }

  void after() {
    RL_ASSERT(ends == 1);
    RL_ASSERT(heap->raw().largest_hole_bytes() == heap->capacity_bytes());
  }
};

}  // namespace

const model::Searched<ArcDropsAgainstClone> arc_drops_against_clone{{.full = true}};
