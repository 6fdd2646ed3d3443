// RUN: %runner %build/tests/an_interrupt_at_any_step_loses_nothing_test
// UNSUPPORTED: tsan, valgrind, tysan
// purpose: shows P1–P5 on one core, by interrupts that free before any two atomic steps.
// layer: tests; includes everything, on atomics that let the interrupts in.
// threads: one, and its interrupts, which nest.
// invariants: every pair of steps is tried, for each call, both short locks and both frees.
//
// Not under tsan, tysan and valgrind: a hundred thousand small worlds are slow there, and have one
// thread; asan watches their memory.
#define MNEME_ATOMIC_HEADER "../../lit-tests/support/observing_atomic.hpp"
#include <doctest/doctest.h>

#include <mneme/mneme.hpp>
#include <mneme/raw/first_fit.hpp>
#include <optional>
#include <string>
#include <utility>

using namespace mneme;

namespace {

constexpr Layout part{.size = 56, .align = 8};          // a block of 64 bytes
constexpr Layout double_part{.size = 120, .align = 8};  // two of them in a row

int masked = 0;  // critical sections that are open

/// The queue lock of systems with one core: no interrupt while it is held.
struct CriticalSection {
  static constexpr bool reentrant = true;
  void lock() noexcept { ++masked; }
  bool try_lock() noexcept { return ++masked > 0; }
  void unlock() noexcept { --masked; }
};

/// When the two interrupts come, counted in atomic steps; nullopt: it came.
struct Plan {
  std::optional<std::size_t> at[2];
  std::size_t step = 0;
  void (*act)(int which) = nullptr;
} plan;

void fire(int which) {
  plan.at[which].reset();
  plan.act(which);
}

void before_each_step() {
  ++plan.step;
  for (const int which : {0, 1}) {
    if (masked == 0 && plan.at[which] && *plan.at[which] <= plan.step) fire(which);
  }
}

template <class HeapType>
struct World {
  struct Task {
    Task(World& world, Layout layout) : request(world.heap.allocate(layout)), world_(&world) {}

    /// Polls, and remembers the answer.
    void poll() {
      auto result = request.poll({.wake = &woken, .context = this});
      if (!result) {
        waited = true;
        return;
      }
      answered = true;
      if (*result) block.emplace(std::move(**result));
    }

    static void woken(void* context) noexcept {
      auto* const task = static_cast<Task*>(context);
      ++task->wakes;
      task->place = ++task->world_->last_place;
    }

    Request<HeapType> request;
    std::optional<Allocation<HeapType>> block;
    bool answered = false;
    bool waited = false;  // a poll said so
    int wakes = 0;
    int place = 0;  // in the order of wakes

   private:
    World* world_;
  };

  alignas(64) std::byte region[256];
  HeapType heap{region};
  // Four parts fill the heap: two go back by the interrupts, two belong to the call under test.
  void* const held[2]{heap.try_allocate(part), heap.try_allocate(part)};
  void* const own[2]{heap.try_allocate(part), heap.try_allocate(part)};
  bool own_live[2]{true, true};
  int last_place = 0;
  Task first{*this, double_part};
  Task second{*this, part};

  void free_own(int which, bool deferred = false) {
    own_live[which] = false;
    deferred ? heap.defer_free(own[which], part) : heap.free(own[which], part);
  }
};

template <class HeapType>
World<HeapType>* world = nullptr;

bool miscounted = false;  // an interrupt saw figures that no heap can have

template <class HeapType, bool deferred>
void free_held(int which) {
  auto& here = *world<HeapType>;
  deferred ? here.heap.defer_free(here.held[which], part) : here.heap.free(here.held[which], part);
  const Stats counts = here.heap.counters();
  if (counts.deferred > 4 || counts.live > 6) miscounted = true;
}

/// What must be true whenever nobody holds the heap, without any further call: nothing lies about
/// unreclaimed, and the oldest who waits does not fit. But what was freed by the deferring form may
/// lie about.
template <class HeapType>
const char* lost(const World<HeapType>& here, bool may_be_deferred) {
  if (std::exchange(miscounted, false)) return "a counter was wrong for a moment";
  if (here.heap.is_locked()) return "the heap stays locked";
  if (here.heap.counters().deferred > 0) return may_be_deferred ? nullptr : "a block was stranded";
  const bool first_waits = here.first.request.state() == RequestState::waiting;
  if (!first_waits && here.second.request.state() != RequestState::waiting) return nullptr;
  const std::size_t needed = word_bytes + (first_waits ? double_part : part).size;
  return here.heap.raw().largest_hole_bytes() >= needed ? "a wakeup was lost" : nullptr;
}

/// What must be true when all has settled: everybody who asked has memory or gave up, was woken
/// once if told to wait, and in order; and it all goes back to one hole.
template <class HeapType>
bool all_is_well(World<HeapType>& here, const char*& what) {
  const auto fail = [&](const char* why) {
    what = why;
    return false;
  };
  (void)here.heap.poll();  // what was deferred
  if (const char* const wrong = here.heap.validate(); wrong != nullptr) return fail(wrong);
  for (auto* const task : {&here.first, &here.second}) {
    const RequestState state = task->request.state();
    if (state == RequestState::waiting) return fail("a request waits though there is room");
    if (task->waited && state != RequestState::cancelled && task->wakes != 1)
      return fail("a waiting request was not woken once");
    if (task->wakes > 1) return fail("a request was woken twice");
    if (state == RequestState::granted || state == RequestState::closed) task->poll();
    task->block.reset();
  }
  if (here.first.wakes == 1 && here.second.wakes == 1 && here.first.place > here.second.place)
    return fail("the second was granted before the first");
  for (const int which : {0, 1}) {
    if (here.own_live[which]) here.free_own(which);
  }
  if (here.heap.stats().used_bytes != 0) return fail("not everything came back");
  if (here.heap.stats().largest_free_bytes != here.heap.capacity_bytes())
    return fail("the region is not one hole again");
  return true;
}

/// Runs `call` once with interrupts at these steps. Returns how many steps there were.
template <class HeapType, bool deferred, class Call>
std::size_t run(Call call, std::size_t at0, std::size_t at1) {
  World<HeapType> here;
  world<HeapType> = &here;
  plan = {.at = {at0, at1}, .step = 0, .act = &free_held<HeapType, deferred>};
  test::interrupt = &before_each_step;
  call(here);
  test::interrupt = nullptr;
  const std::size_t steps = plan.step;
  const char* what = lost(here, deferred);
  for (const int which : {0, 1}) {
    if (plan.at[which]) fire(which);
  }
  if (what == nullptr) what = lost(here, deferred);
  if (what != nullptr || !all_is_well(here, what)) {
    CAPTURE(at0);
    CAPTURE(at1);
    CAPTURE(deferred);
    FAIL(std::string(what));
  }
  return steps;
}

/// Tries all pairs of steps.
template <class HeapType, class Call>
void at_any_two_steps(Call call) {
  std::size_t last = 1;
  for (std::size_t at0 = 1; at0 <= last; ++at0) {
    for (std::size_t at1 = 1; at1 <= last; ++at1) {
      last = std::max(last, run<HeapType, false>(call, at0, at1) + 1);
      (void)run<HeapType, true>(call, at0, at1);
    }
  }
  CHECK(last > 3);
}

#define BOTH_LOCKS BasicHeap<FirstFit, SpinLock>, BasicHeap<FirstFit, CriticalSection>

TEST_CASE_TEMPLATE("a request that comes to wait", HeapType, BOTH_LOCKS) {
  at_any_two_steps<HeapType>([](auto& here) { here.first.poll(); });
}

TEST_CASE_TEMPLATE("two requests, in order", HeapType, BOTH_LOCKS) {
  at_any_two_steps<HeapType>([](auto& here) {
    here.first.poll();
    here.second.poll();
  });
}

TEST_CASE_TEMPLATE("a request withdrawn, and the one behind it", HeapType, BOTH_LOCKS) {
  at_any_two_steps<HeapType>([](auto& here) {
    here.first.poll();
    here.second.poll();
    here.first.block.reset();
    here.first.request.cancel();
  });
}

TEST_CASE_TEMPLATE("a request polled again with another waker", HeapType, BOTH_LOCKS) {
  at_any_two_steps<HeapType>([](auto& here) {
    (void)here.first.request.poll();
    if (here.first.request.state() == RequestState::waiting) here.first.poll();
  });
}

TEST_CASE_TEMPLATE("a guard held, with requests and memory past the queue", HeapType, BOTH_LOCKS) {
  at_any_two_steps<HeapType>([](auto& here) {
    here.first.poll();
    auto guard = here.heap.try_lock();
    here.second.poll();
    if (!guard) return;
    if (void* const payload = guard.allocate(part); payload != nullptr)
      here.heap.free(payload, part);
    (void)guard.validate();
    guard.unlock();
  });
}

TEST_CASE_TEMPLATE("a free while two wait", HeapType, BOTH_LOCKS) {
  at_any_two_steps<HeapType>([](auto& here) {
    here.first.poll();
    here.second.poll();
    here.free_own(0);
  });
}

TEST_CASE_TEMPLATE("a deferred free and a poll while two wait", HeapType, BOTH_LOCKS) {
  at_any_two_steps<HeapType>([](auto& here) {
    here.first.poll();
    here.second.poll();
    here.free_own(0, true);
    (void)here.heap.poll();
  });
}

TEST_CASE_TEMPLATE("try forms, statistics, validation, a resize", HeapType, BOTH_LOCKS) {
  at_any_two_steps<HeapType>([](auto& here) {
    here.first.poll();
    if (void* const payload = here.heap.try_allocate(part); payload != nullptr)
      here.heap.free(payload, part);
    (void)here.heap.stats();
    (void)here.heap.validate();
    const Layout shorter{.size = 40, .align = 8};
    if (here.heap.try_resize(here.own[0], part, shorter)) {
      here.heap.free(here.own[0], shorter);
      here.own_live[0] = false;
    }
  });
}

TEST_CASE_TEMPLATE("a close while two wait", HeapType, BOTH_LOCKS) {
  at_any_two_steps<HeapType>([](auto& here) {
    here.first.poll();
    here.second.poll();
    here.heap.close();
  });
}

}  // namespace
