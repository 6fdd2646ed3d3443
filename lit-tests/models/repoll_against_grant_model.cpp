// RUN: %model | FileCheck %s
// RUN: %fails --weaken=request.repoll | FileCheck %s --check-prefix=RACE
// RUN: %fails --weaken=request.reserved | FileCheck %s --check-prefix=RACE
// RUN: %fails --lose=waker.done | FileCheck %s --check-prefix=STUCK
// CHECK: repoll_against_grant: 4 preemptions: {{([0-9]{4,})}} interleavings, no failure
// CHECK-NEXT: repoll_against_grant: random: 4000 interleavings, no failure
// RACE: repoll_against_grant: {{.*}}: DATA RACE in interleaving
// STUCK: repoll_against_grant: {{.*}}: LIVELOCK in interleaving
// purpose: shows that a request whose waker is replaced while it is granted calls one of the two.
// layer: tests; includes everything.
// threads: one polls with one waker, and then with another; one frees the only block.
// invariants: exactly one waker is called, and none once the second poll returned the result.
#include "Inputs/world.hpp"

using namespace mneme;

namespace {

struct RepollAgainstGrant : model::World<RepollAgainstGrant, 2, 1> {
  void* first = nullptr;
  std::optional<Request<model::Heap>> request;
  int wakes[2] = {0, 0};
  Allocation<model::Heap> block;

  Waker waker(int which) {
    return {.wake = [](void* count) noexcept { ++*static_cast<int*>(count); },
            .context = &wakes[which]};
  }

  void take(std::optional<Request<model::Heap>::Result> answer) {
    RL_ASSERT(answer && *answer);
    block = std::move(**answer);
    model::use(block.data());
  }

  void before() {
    first = live_block();
    request.emplace(*heap, model::unit);
    RL_ASSERT(!request->poll(waker(0)));
  }

  void thread(unsigned id) {
    if (id == 1) {
      free(first);
      return;
    }
    if (auto answer = request->poll(waker(1)); answer) return take(std::move(answer));
    // A tool may show what is reserved, even before it is taken.
    if (const void* const reserved = request->reserved(); reserved != nullptr) model::use(reserved);
  }

  void after() {
    RL_ASSERT(wakes[0] + wakes[1] == 1);
    if (!block) take(request->poll());
    block.reset();
    request.reset();
    check_all_came_back();
  }
};

}  // namespace

const model::Searched<RepollAgainstGrant> repoll_against_grant{{.preemptions = 4}};
