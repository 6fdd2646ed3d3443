// RUN: %runner %build/tests/wait_queue_test
// purpose: shows that waiters keep their order whoever leaves, by comparing with std::list.
// layer: tests; includes wait_queue.
// threads: none, but the last case, which reads the size meanwhile.
// invariants: a waiter is in one list at most.
#include "mneme/wait_queue.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <list>
#include <random>
#include <thread>

using namespace mneme;

namespace {

/// Whether the list holds these, in this order, by its own links.
bool holds(const WaitList& list, const std::list<Waiter*>& expected) {
  const Waiter* at = list.front();
  for (const Waiter* const each : expected) {
    if (at != each) return false;
    at = at->next;
  }
  return at == nullptr && list.size() == expected.size() && list.valid();
}

TEST_CASE("a new waiter is idle, unlinked, and has no waker") {
  const Waiter waiter;
  CHECK(waiter.state.load(std::memory_order_relaxed) == RequestState::idle);
  CHECK_FALSE(waiter.waker);
  CHECK_FALSE(waiter.continuation);
  CHECK(waiter.list.load(std::memory_order_relaxed) == nullptr);
}

TEST_CASE("wakers are the same if function and context are") {
  int a = 0;
  int b = 0;
  const auto one = [](void*) noexcept {};
  const auto other = [](void* context) noexcept { ++*static_cast<int*>(context); };
  CHECK(Waker{one, &a} == Waker{one, &a});
  CHECK(Waker{one, &a} != Waker{one, &b});
  CHECK(Waker{one, &a} != Waker{other, &a});
  CHECK(Waker{one, nullptr});
  CHECK_FALSE(Waker{nullptr, &a});
}

TEST_CASE("first in, first out") {
  WaitList list;
  std::array<Waiter, 4> waiters;
  CHECK(list.front() == nullptr);
  for (auto& each : waiters) list.push_back(each);
  for (auto& each : waiters) {
    CHECK(list.front() == &each);
    CHECK(each.list.load(std::memory_order_relaxed) == &list);
    list.remove(each);
    CHECK(each.list.load(std::memory_order_relaxed) == nullptr);
    CHECK(list.valid());
  }
  CHECK(list.front() == nullptr);
  CHECK(list.size() == 0);
}

TEST_CASE("the only, the first, the last and one in the middle can leave, and come back as last") {
  for (std::size_t count = 1; count <= 4; ++count) {
    for (std::size_t leaver = 0; leaver < count; ++leaver) {
      WaitList list;
      std::array<Waiter, 4> waiters;
      std::list<Waiter*> expected;
      for (std::size_t i = 0; i < count; ++i) {
        list.push_back(waiters[i]);
        expected.push_back(&waiters[i]);
      }
      list.remove(waiters[leaver]);
      expected.remove(&waiters[leaver]);
      CHECK(holds(list, expected));
      list.push_back(waiters[leaver]);
      expected.push_back(&waiters[leaver]);
      CHECK(holds(list, expected));
    }
  }
}

TEST_CASE("valid sees each kind of broken link") {
  const auto verdict = [](void (*smash)(std::array<Waiter, 3>&)) {
    WaitList list;
    std::array<Waiter, 3> waiters;
    for (auto& each : waiters) list.push_back(each);
    smash(waiters);
    return list.valid();
  };
  CHECK(verdict([](auto&) {}));
  CHECK_FALSE(verdict([](auto& w) { w[1].previous = nullptr; }));
  CHECK_FALSE(verdict([](auto& w) { w[1].next = nullptr; }));
  CHECK_FALSE(verdict([](auto& w) { w[1].next = &w[0]; }));  // a ring
  CHECK_FALSE(verdict([](auto& w) { w[0].next = &w[2]; }));
  CHECK_FALSE(verdict([](auto& w) { w[2].previous = &w[0]; }));
  CHECK_FALSE(verdict([](auto& w) { w[2].next = &w[2]; }));
  CHECK_FALSE(verdict([](auto& w) {  // as many as there are, but not the last
    static Waiter stranger;
    w[1].next = &stranger;
    stranger.previous = &w[1];
  }));
  CHECK_FALSE(verdict([](auto& w) {  // one was cut out, and is still counted
    w[0].next = &w[2];
    w[2].previous = &w[0];
  }));
}

TEST_CASE("twenty thousand random steps agree with a std::list") {
  std::mt19937 random(7);
  std::array<Waiter, 12> waiters;
  WaitList list;
  std::list<Waiter*> expected;
  bool agrees = true;
  for (int step = 0; step < 20'000 && agrees; ++step) {
    Waiter& waiter = waiters[random() % waiters.size()];
    const bool linked = std::ranges::find(expected, &waiter) != expected.end();
    if (random() % 8 == 0) {
      if (expected.empty()) continue;
      agrees = list.front() == expected.front();
      list.remove(*expected.front());
      expected.pop_front();
    } else if (linked) {
      list.remove(waiter);
      expected.remove(&waiter);
    } else {
      list.push_back(waiter);
      expected.push_back(&waiter);
    }
    agrees = agrees && holds(list, expected);
  }
  CHECK(agrees);
}

TEST_CASE("the size may be read while the list changes") {
  WaitList list;
  std::array<Waiter, 3> waiters;
  std::size_t largest = 0;
  {
    const std::jthread changer([&] {
      for (int round = 0; round < 2000; ++round) {
        for (auto& each : waiters) list.push_back(each);
        while (Waiter* const oldest = list.front()) list.remove(*oldest);
      }
    });
    for (int i = 0; i < 2000; ++i) largest = std::max(largest, list.size());
  }
  CHECK(largest <= 3);
  CHECK(list.size() == 0);
}

}  // namespace
