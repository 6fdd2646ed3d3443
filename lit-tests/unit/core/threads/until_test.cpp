// purpose: shows that a wait ends by the grant or by its limit, whichever comes first, and always.
// layer: tests; includes mneme and the tests' support.
// threads: one, but for the last test: one frees, one fires limits, one polls.
// invariants: each heap is whole at the end of its test; a limit is disarmed when a wait is over.
// RUN: %runner %build/tests/until_test
// RUN: %if valgrind %{ %helgrind %this %}
#include <atomic>
#include <cstddef>
#include <expected>
#include <mneme/waiting/lock_request.hpp>
#include <mneme/waiting/tick_timer.hpp>
#include <mneme/waiting/until.hpp>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/coroutines.hpp"
#include "support/fatal_line.hpp"
#include "support/names.hpp"

using namespace tests::names;
using mneme::TickTimer;

namespace {

/// A limit that a test fires by hand; or at once, if it is past when it is armed.
struct Hand {
  mneme::Fire fire{};
  bool is_past = false;
  int armed = 0;
  int disarmed = 0;
};
struct ByHand {
  static constexpr AllocError error = AllocError::timed_out;
  Hand* hand;

  void arm(mneme::Fire fire) const {
    ++hand->armed;
    hand->fire = fire;
    if (hand->is_past) fire();
  }
  void disarm() const noexcept { ++hand->disarmed; }
};
static_assert(mneme::WaitLimit<ByHand>);
static_assert(!mneme::WaitLimit<int>);

/// What became of a wait: "" while it lasts, "granted", or the name of an error.
using Outcome = std::string;

Task wait_until(Heap& heap, std::size_t size, Hand& hand, Outcome& outcome) {
  const auto block = co_await heap.allocate(bytes(size)).until(ByHand{&hand});
  outcome = block ? "granted" : to_string(block.error());
}

/// A task that waits with a limit, as most of the heap is taken.
struct WaitWithLimit {
  TestHeap heap{32_words};
  Hand hand;
  Outcome outcome;
  mneme::Allocation<> hog{granted(heap.allocate(bytes(20_words)))};
  Task task{wait_until(heap, 30_words, hand, outcome)};
};

}  // namespace

TEST_CASE("a limit that fires ends the wait, and the next request is considered") {
  WaitWithLimit here;
  auto small = here.heap.allocate(bytes(2_words));
  CHECK(!small.poll());
  CHECK(here.hand.armed == 1);
  here.hand.fire();
  CHECK(small.state() == mneme::RequestState::granted);
  CHECK(here.outcome.empty());  // it is resumed by the next poll
  CHECK(here.heap.poll() == 1);
  CHECK(here.outcome == "timed out");
  CHECK(here.hand.disarmed == 1);
}

TEST_CASE("a grant that comes first disarms the limit") {
  WaitWithLimit here;
  here.hog.reset();
  CHECK(here.hand.disarmed == 0);
  CHECK(here.heap.poll() == 1);
  CHECK(here.outcome == "granted");
  CHECK(here.hand.disarmed == 1);
}

TEST_CASE(
    "a limit that fires after the grant, before the coroutine goes on, takes the memory back") {
  WaitWithLimit here;
  here.hog.reset();
  here.hand.fire();
  CHECK(here.heap.counters().live == 0);
  CHECK(here.heap.poll() == 1);
  CHECK(here.outcome == "timed out");
}

TEST_CASE("a limit in the past still takes what is there, and otherwise does not suspend") {
  TestHeap heap(32_words);
  Hand hand{.is_past = true};
  Outcome outcome;
  const auto fits = wait_until(heap, 8, hand, outcome);
  CHECK(outcome == "granted");
  CHECK(hand.armed == 0);
  auto hog = granted(heap.allocate(bytes(30_words)));
  const auto waits = wait_until(heap, 8, hand, outcome);
  CHECK(outcome == "timed out");
  CHECK(hand.armed == 1);
  CHECK(hand.disarmed == 1);
  CHECK(heap.counters().waiting == 0);
  CHECK(heap.poll() == 0);
}

TEST_CASE("a limit that never fires changes nothing; nor has a refused request one") {
  TestHeap heap(32_words);
  Hand hand;
  Outcome outcome;
  const auto never = wait_until(heap, 1000_words, hand, outcome);
  CHECK(outcome == "too large");
  {
    auto hog = granted(heap.allocate(bytes(30_words)));
    outcome.clear();
    const auto task = wait_until(heap, 8, hand, outcome);
    for (int i = 0; i < 10; ++i) CHECK(heap.poll() == 0);
    CHECK(outcome.empty());
  }  // the coroutine is destroyed while it waits
  CHECK(hand.armed == 1);
  CHECK(hand.disarmed == 1);
}

TEST_CASE("close and cancel end the wait with their own errors") {
  TestHeap heap(32_words);
  Hand hand;
  Outcome outcomes[2];
  const auto hog = granted(heap.allocate(bytes(30_words)));
  auto wanted = heap.allocate(bytes(8)).until(ByHand{&hand});
  const auto wait_for = [](decltype(wanted)& request, Outcome& outcome) -> Task {
    const auto block = co_await request;
    outcome = block ? "granted" : to_string(block.error());
  };
  const auto cancelled = wait_for(wanted, outcomes[0]);
  const auto closed = wait_until(heap, 8, hand, outcomes[1]);
  wanted.cancel();
  CHECK(heap.poll() == 1);
  heap.close();
  CHECK(heap.poll() == 1);
  CHECK(outcomes[0] == "cancelled");
  CHECK(outcomes[1] == "closed");
  CHECK(hand.disarmed == 2);
  const auto late = wait_until(heap, 8, hand, outcomes[0]);
  CHECK(outcomes[0] == "closed");
  CHECK(hand.armed == 2);
}

TEST_CASE("owners, locks and loops have limits too, and one request may have two") {
  TestHeap heap(32_words);
  mneme::ReadyQueue queue;
  Hand hands[4];
  Outcome outcomes[3];
  const auto make = [](Heap& from, mneme::ReadyQueue& on, Hand& hand, Outcome& out) -> Task {
    const auto box = co_await from.make<int>(7).until(ByHand{&hand}).resume_on(on);
    out = box ? std::to_string(**box) : to_string(box.error());
  };
  const auto lock = [](Heap& from, Hand& hand, Outcome& out) -> Task {
    const auto guard = co_await from.lock().until(ByHand{&hand});
    out = guard ? "locked" : to_string(guard.error());
  };
  const auto twice = [](Heap& from, Hand& first, Hand& second, Outcome& out) -> Task {
    const auto block =
        co_await from.allocate(bytes(8)).until(ByHand{&first}).until(ByHand{&second});
    out = block ? "granted" : to_string(block.error());
  };
  auto hog = granted(heap.allocate(bytes(30_words)));
  const auto first = make(heap, queue, hands[0], outcomes[0]);
  const auto second = lock(heap, hands[1], outcomes[1]);
  const auto third = twice(heap, hands[2], hands[3], outcomes[2]);
  hands[0].fire();
  CHECK(queue.run() == 1);
  CHECK(outcomes[0] == "timed out");
  hands[1].fire();
  hands[2].fire();
  while (heap.poll() > 0) {
  }
  CHECK(outcomes[2] == "timed out");
  CHECK(hands[3].disarmed == 1);
  const auto again = make(heap, queue, hands[0], outcomes[0]);
  hog.reset();
  CHECK(queue.run() == 1);
  CHECK(outcomes[0] == "7");
}

TEST_CASE(
    "a request with a limit calls its waker, whether that was given before or after the limit") {
  TestHeap heap(32_words);
  Hand hands[2];
  const auto wait = []<class Request>(Request request) -> tests::OpenTask {
    const auto block = co_await request;
    CHECK(block.has_value());
  };
  const auto check = [&](auto request_by) {
    Alarm alarm;
    auto hog = granted(heap.allocate(bytes(30_words)));
    auto task = wait(request_by(heap.allocate(bytes(8)), alarm.waker()));
    CHECK(alarm.rings() == 0);
    hog.reset();
    CHECK(alarm.rings() == 1);
    CHECK(heap.poll() == 0);
    CHECK(!task.done());
    task.resume();
    CHECK(task.done());
  };
  check([&](auto request, mneme::Waker waker) {
    return std::move(request).until(ByHand{&hands[0]}).wake_by(waker);
  });
  check([&](auto request, mneme::Waker waker) {
    return std::move(request).wake_by(waker).until(ByHand{&hands[0]});
  });
  check([&](auto request, mneme::Waker waker) {
    return std::move(request).until(ByHand{&hands[0]}).wake_by(waker).until(ByHand{&hands[1]});
  });
  check([&](auto request, mneme::Waker waker) {
    return std::move(request).until(ByHand{&hands[0]}).until(ByHand{&hands[1]}).wake_by(waker);
  });
}

TEST_CASE("to go on inside a waker stops the program") {
  if (!mneme::checks_enabled) return;
  TestHeap heap(32_words);
  const mneme::Executor at_once{
      .execute = [](void* /*context*/, std::coroutine_handle<> task) noexcept { task.resume(); }};
  CHECK(mneme::test::fatal_line_of([&] {
          Hand hand;
          auto hog = granted(heap.allocate(bytes(30_words)));
          const auto wait = [](Heap& from, Hand& by, mneme::Executor on) -> Task {
            (void)co_await from.allocate(bytes(8)).until(ByHand{&by}).resume_on(on);
          };
          const auto task = wait(heap, hand, at_once);
          hog.reset();
        }) == "mneme: fatal: a request with a limit goes on, or ends, inside a waker");
}

TEST_CASE("deadlines that meet grants lose no memory and no coroutine") {
  constexpr int rounds = 400;
  TestHeap heap(32_words);
  TickTimer<> timer;
  std::atomic<int> running{4};
  std::atomic<int> wrong{0};
  const auto work = [](Heap& from, TickTimer<>& by, std::atomic<int>& left,
                       std::atomic<int>& bad) -> Task {
    for (int round = 0; round < rounds; ++round) {
      const auto block = co_await from.allocate(bytes(20_words))
                             .until(by.at(by.now() + static_cast<unsigned>(round % 3)));
      if (!block && block.error() != AllocError::timed_out) ++bad;
    }
    --left;
  };
  std::optional<Task> tasks[4];
  for (auto& task : tasks) task.emplace(work(heap, timer, running, wrong));
  {
    std::jthread ticks([&] {
      for (TickTimer<>::Ticks now = 1; running > 0; ++now) timer.advance(now);
    });
    std::jthread polls([&] {
      while (running > 0) heap.poll();
    });
    std::jthread takes([&] {
      while (running > 0) {
        if (void* const block = heap.try_allocate(bytes(25_words))) {
          std::this_thread::yield();
          heap.free(block, bytes(25_words));
        }
      }
    });
  }
  CHECK(wrong == 0);
}
