// RUN: %runner %build/tests/published_bugs_of_mpsc_queues_test
// purpose: shows that a push cut short hides, loses and doubles nothing, whatever cuts in.
// layer: tests; includes everything.
// threads: one, and an interrupt at each atomic step.
// invariants: a block is in the queue once, or it is not.
#define MNEME_ATOMIC_HEADER "../../lit-tests/support/observing_atomic.hpp"
#include <doctest/doctest.h>

#include "support/tasks.hpp"

using namespace mneme;

namespace {

/// Four freed blocks, in the hand or in the queue.
struct World {
  alignas(64) std::byte bytes[4][32];
  node::FreedNode* nodes[4];
  FreeQueue queue;
  int seen[4] = {};

  World() {
    for (std::size_t i = 0; i < 4; ++i) {
      instrument::mark_undefined(bytes[i], 32);
      (void)node::make_live(bytes[i], 32, 24);
      nodes[i] = node::make_freed(bytes[i], 32);
    }
  }
  ~World() { instrument::mark_undefined(bytes, sizeof bytes); }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  /// Takes all; returns the last of the chain, the first that was pushed.
  node::FreedNode* drain() {
    node::FreedNode* last = nullptr;
    for (node::FreedNode* at = queue.drain(); at != nullptr; at = node::load_freed(at).link) {
      for (std::size_t i = 0; i < 4; ++i) seen[i] += nodes[i] == at ? 1 : 0;
      last = at;
    }
    return last;
  }
};

World* world = nullptr;
std::size_t countdown = 0;

/// Runs `call` with `cut_in` before its nth atomic step, for all n.
template <class Call, class Check>
void cut_in_everywhere(Call call, void (*cut_in)(), Check check_all) {
  static void (*act)() = nullptr;
  act = cut_in;
  bool was_inside = true;
  for (std::size_t n = 1; was_inside; ++n) {
    World here;
    world = &here;
    countdown = n;
    test::interrupt = [] {
      if (countdown > 0 && --countdown == 0) act();
    };
    call(here);
    was_inside = countdown == 0;
    test::interrupt = nullptr;
    if (!was_inside) cut_in();
    (void)here.drain();
    CAPTURE(n);
    check_all(here);
  }
}

TEST_CASE("what was pushed wholly is never hidden by a push that is half done") {
  cut_in_everywhere([](World& here) { here.queue.push(here.nodes[0]); },
                    [] {
                      world->queue.push(world->nodes[1]);
                      (void)world->drain();
                      CHECK(world->seen[1] == 1);
                    },
                    [](const World& here) {
                      CHECK(here.seen[0] == 1);
                      CHECK(here.seen[1] == 1);
                    });
}

TEST_CASE("a head that was taken and pushed again meanwhile is no trap: nothing lost, no loop") {
  cut_in_everywhere(
      [](World& here) {
        here.queue.push(here.nodes[0]);
        here.queue.push(here.nodes[1]);
      },
      [] {
        // Takes the chain and puts its oldest back, with another behind it.
        if (node::FreedNode* const oldest = world->drain(); oldest != nullptr) {
          world->queue.push(world->nodes[2]);
          world->queue.push(oldest);
        }
      },
      [](const World& here) {
        // Each once, and the one that was put back once more.
        const int again = here.seen[2];
        CHECK(again <= 1);
        CHECK(here.seen[1] >= 1);
        CHECK(here.seen[0] >= 1);
        CHECK(here.seen[0] + here.seen[1] == 2 + again);
      });
}

TEST_CASE("a drain cut short by pushes takes or leaves each whole") {
  cut_in_everywhere(
      [](World& here) {
        here.queue.push(here.nodes[0]);
        (void)here.drain();
        (void)here.drain();
      },
      [] {
        world->queue.push(world->nodes[1]);
        world->queue.push(world->nodes[2]);
      },
      [](const World& here) {
        for (const std::size_t i : {0U, 1U, 2U}) CHECK(here.seen[i] == 1);
        CHECK(here.seen[3] == 0);
      });
}

}  // namespace
