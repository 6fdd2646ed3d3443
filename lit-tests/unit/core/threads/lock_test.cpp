// RUN: %runner %build/tests/lock_test
// RUN: %if valgrind %{ %helgrind %this %}
// purpose: shows each transition of the lock word, and by threads that no work is forgotten.
// layer: tests; includes lock.
// threads: some cases start them; what the locks guard is plain, so that TSan sees a race.
// invariants: whoever takes the word lets it go.
#include "mneme/lock.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <cstdlib>
#include <thread>
#include <vector>

using namespace mneme;

namespace {

TEST_CASE("idle: take owns, release lets go") {
  LockWord lock;
  CHECK_FALSE(lock.is_locked());
  CHECK(lock.try_acquire());
  CHECK(lock.is_locked());
  CHECK(lock.try_release());
  CHECK_FALSE(lock.is_locked());
  CHECK(lock.try_acquire());
  CHECK(lock.try_release());
}

TEST_CASE("idle: posting work acquires the lock, and clears the work flag") {
  LockWord lock;
  CHECK(lock.post_work_or_acquire());
  CHECK(lock.is_locked());
  CHECK_FALSE(lock.try_acquire());
  CHECK(lock.try_release());
  CHECK_FALSE(lock.is_locked());
}

TEST_CASE("locked: take fails and leaves no trace") {
  LockWord lock;
  REQUIRE(lock.try_acquire());
  CHECK_FALSE(lock.try_acquire());
  CHECK_FALSE(lock.try_acquire());
  CHECK(lock.try_release());
}

TEST_CASE("locked: posted work is seen once by the owner, however often it is posted") {
  LockWord lock;
  REQUIRE(lock.try_acquire());
  CHECK_FALSE(lock.post_work_or_acquire());
  CHECK_FALSE(lock.post_work_or_acquire());
  CHECK_FALSE(lock.try_acquire());  // a failed take in between must not wipe the flag
  CHECK_FALSE(lock.try_release());
  CHECK(lock.is_locked());
  CHECK(lock.try_release());
}

TEST_CASE("locked: work posted between a failed release and the next is seen again") {
  LockWord lock;
  REQUIRE(lock.try_acquire());
  CHECK_FALSE(lock.post_work_or_acquire());
  CHECK_FALSE(lock.try_release());
  CHECK_FALSE(lock.post_work_or_acquire());
  CHECK_FALSE(lock.try_release());
  CHECK(lock.try_release());
}

TEST_CASE("defer owns nothing; the next owner, by either way, learns of it") {
  for (const bool by_take : {true, false}) {
    LockWord lock;
    lock.post_work();
    CHECK_FALSE(lock.is_locked());
    CHECK((by_take ? lock.try_acquire() : lock.post_work_or_acquire()));
    CHECK(lock.try_release() !=
          by_take);  // post_work_or_acquire has taken note of it, take has not
    if (by_take) CHECK(lock.try_release());
    CHECK_FALSE(lock.is_locked());
  }
  LockWord lock;
  REQUIRE(lock.try_acquire());
  lock.post_work();
  CHECK_FALSE(lock.try_release());
  CHECK(lock.try_release());
}

TEST_CASE("threads: acquiring the lock publishes the writes of its last owner") {
  constexpr int rounds = 3'000;
  LockWord lock;
  int sum = 0;  // the owner's
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 3; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < rounds; ++i) {
          while (!lock.try_acquire()) std::this_thread::yield();
          ++sum;
          if (!lock.try_release()) std::abort();  // nobody leaves work
          if (i % 16 == 0) std::this_thread::yield();
        }
      });
    }
  }
  CHECK(sum == rounds * 3);
}

TEST_CASE("threads: all work that is left gets done, by one owner at a time") {
  constexpr int rounds = 10'000;
  constexpr int workers = 3;
  LockWord lock;
  Atomic<int> left{0};
  int done = 0;  // the owner's
  const auto settle = [&] {
    do {
      done += left.exchange(0, std::memory_order_relaxed);
    } while (!lock.try_release());
  };
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < workers; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < rounds; ++i) {
          left.fetch_add(1, std::memory_order_relaxed);
          if ((i + t) % 3 == 0) {
            lock.post_work();
            if (lock.try_acquire()) settle();
          } else if (lock.post_work_or_acquire()) {
            settle();
          }
        }
      });
    }
  }
  CHECK_FALSE(lock.is_locked());
  // What was deferred while the word was held by nobody waits for the next owner.
  if (lock.post_work_or_acquire()) settle();
  CHECK(done == rounds * workers);
}

TEST_CASE("threads: work left by post_work_or_acquire needs no further call") {
  constexpr int rounds = 10'000;
  LockWord lock;
  Atomic<int> left{0};
  int done = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 3; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < rounds; ++i) {
          left.fetch_add(1, std::memory_order_relaxed);
          if (!lock.post_work_or_acquire()) continue;
          do {
            done += left.exchange(0, std::memory_order_relaxed);
          } while (!lock.try_release());
        }
      });
    }
  }
  CHECK_FALSE(lock.is_locked());
  CHECK(done == rounds * 3);
}

TEST_CASE("threads: seeing the work flag publishes all writes before the work was posted") {
  constexpr int rounds = 2'000;
  for (const bool defers : {false, true}) {
    LockWord lock;
    int work = 0;  // plain: on its way to the owner only the word orders it
    int sum = 0;
    Atomic<int> begun{0};  // the round for which the owner has the word
    Atomic<int> left{0};   // relaxed: says when, and orders nothing
    {
      const std::jthread other([&] {
        for (int round = 1; round <= rounds; ++round) {
          while (begun.load(std::memory_order_acquire) < round) std::this_thread::yield();
          work = round;
          if (defers) {
            lock.post_work();
          } else if (lock.post_work_or_acquire()) {
            std::abort();  // it has an owner
          }
          left.store(round, std::memory_order_relaxed);
        }
      });
      for (int round = 1; round <= rounds; ++round) {
        REQUIRE(lock.try_acquire());
        begun.store(round, std::memory_order_release);
        while (left.load(std::memory_order_relaxed) < round) std::this_thread::yield();
        REQUIRE_FALSE(lock.try_release());
        sum += work;
        REQUIRE(lock.try_release());
      }
    }
    CHECK(sum == rounds * (rounds + 1) / 2);
  }
}

TEST_CASE("the queue lock: tried, held, let go") {
  SpinLock lock;
  CHECK(lock.try_lock());
  CHECK_FALSE(lock.try_lock());
  lock.unlock();
  lock.lock();
  CHECK_FALSE(lock.try_lock());
  lock.unlock();
  CHECK(lock.try_lock());
  lock.unlock();
}

TEST_CASE("threads: the queue lock admits one at a time") {
  constexpr int rounds = 5'000;
  SpinLock lock;
  int sum = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 3; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < rounds; ++i) {
          if (t == 0) {
            while (!lock.try_lock()) std::this_thread::yield();
          } else {
            lock.lock();
          }
          ++sum;
          lock.unlock();
        }
      });
    }
  }
  CHECK(sum == rounds * 3);
}

}  // namespace
