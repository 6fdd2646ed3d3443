// RUN: %runner %build/tests/free_between_check_and_wait_test
// purpose: shows that no free slips in between a failed attempt and the wait, by trying each place.
// layer: tests; includes everything.
// threads: one, and an interrupt at each atomic step.
// invariants: the heap is as new at the end.
#define MNEME_ATOMIC_HEADER "../../lit-tests/support/observing_atomic.hpp"
#include <doctest/doctest.h>

#include "support/tasks.hpp"

using namespace mneme;

namespace {

constexpr Layout all{.size = 248, .align = 8};

Heap* heap = nullptr;
void* held = nullptr;
std::size_t countdown = 0;

/// Frees the only block before the nth atomic operation.
void free_at_zero() {
  if (countdown == 0 || --countdown > 0) return;
  heap->free(held, all);
}

TEST_CASE("a free before any atomic step of the poll grants the request") {
  bool was_inside = true;
  for (std::size_t n = 1; was_inside; ++n) {
    alignas(64) std::byte region[256];
    Heap here(region);
    heap = &here;
    held = here.try_allocate(all);
    {
      tests::Alarm woken;
      auto request = here.allocate(all);
      countdown = n;
      test::interrupt = &free_at_zero;
      const bool at_once = request.poll(woken.waker()).has_value();
      was_inside = countdown == 0;
      test::interrupt = nullptr;
      if (!was_inside) here.free(held, all);
      CAPTURE(n);
      CHECK((at_once || woken.rings() == 1));
      CHECK((at_once || request.state() == RequestState::granted));
    }
    CHECK(tests::whole(here));
  }
}

TEST_CASE(
    "the same for a request that meets a lock, with a free or its owner's release in between") {
  bool was_inside = true;
  for (std::size_t n = 1; was_inside; ++n) {
    alignas(64) std::byte region[256];
    Heap here(region);
    static Guard<Heap>* guard = nullptr;
    {
      auto holder = here.try_lock();
      guard = &holder;
      auto request = here.allocate(all);
      countdown = n;
      test::interrupt = [] {
        if (countdown > 0 && --countdown == 0) guard->unlock();
      };
      const bool at_once = request.poll().has_value();
      was_inside = countdown == 0;
      test::interrupt = nullptr;
      holder.unlock();
      CAPTURE(n);
      CHECK((at_once || request.state() == RequestState::granted));
    }
    CHECK(tests::whole(here));
  }
}

}  // namespace
