// RUN: %runner %build/tests/lock_test
// RUN: %if valgrind %{ %helgrind %this %}
// purpose: shows each transition of the lock word, and by threads that no work is forgotten.
// room: tests; includes lock.
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
  LockWord word;
  CHECK_FALSE(word.is_locked());
  CHECK(word.take());
  CHECK(word.is_locked());
  CHECK(word.release());
  CHECK_FALSE(word.is_locked());
  CHECK(word.take());
  CHECK(word.release());
}

TEST_CASE("idle: who leaves work owns the word, and has taken note of that work") {
  LockWord word;
  CHECK(word.leave_work());
  CHECK(word.is_locked());
  CHECK_FALSE(word.take());
  CHECK(word.release());
  CHECK_FALSE(word.is_locked());
}

TEST_CASE("locked: take fails and leaves no trace") {
  LockWord word;
  REQUIRE(word.take());
  CHECK_FALSE(word.take());
  CHECK_FALSE(word.take());
  CHECK(word.release());
}

TEST_CASE("locked: work left stays the owner's, however often, and is told once") {
  LockWord word;
  REQUIRE(word.take());
  CHECK_FALSE(word.leave_work());
  CHECK_FALSE(word.leave_work());
  CHECK_FALSE(word.take());  // a failed take in between must not wipe the flag
  CHECK_FALSE(word.release());
  CHECK(word.is_locked());
  CHECK(word.release());
}

TEST_CASE("locked: work left between a failed release and the next is told again") {
  LockWord word;
  REQUIRE(word.take());
  CHECK_FALSE(word.leave_work());
  CHECK_FALSE(word.release());
  CHECK_FALSE(word.leave_work());
  CHECK_FALSE(word.release());
  CHECK(word.release());
}

TEST_CASE("defer owns nothing; the next owner, by either way, learns of it") {
  for (const bool by_take : {true, false}) {
    LockWord word;
    word.defer();
    CHECK_FALSE(word.is_locked());
    CHECK((by_take ? word.take() : word.leave_work()));
    CHECK(word.release() != by_take);  // leave_work has taken note of it, take has not
    if (by_take) CHECK(word.release());
    CHECK_FALSE(word.is_locked());
  }
  LockWord word;
  REQUIRE(word.take());
  word.defer();
  CHECK_FALSE(word.release());
  CHECK(word.release());
}

TEST_CASE("threads: who takes the word sees what its last owner did") {
  constexpr int rounds = 3'000;
  LockWord word;
  int sum = 0;  // the owner's
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 3; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < rounds; ++i) {
          while (!word.take()) std::this_thread::yield();
          ++sum;
          if (!word.release()) std::abort();  // nobody leaves work
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
  LockWord word;
  Atomic<int> left{0};
  int done = 0;  // the owner's
  const auto settle = [&] {
    do {
      done += left.exchange(0, std::memory_order_relaxed);
    } while (!word.release());
  };
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < workers; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < rounds; ++i) {
          left.fetch_add(1, std::memory_order_relaxed);
          if ((i + t) % 3 == 0) {
            word.defer();
            if (word.take()) settle();
          } else if (word.leave_work()) {
            settle();
          }
        }
      });
    }
  }
  CHECK_FALSE(word.is_locked());
  // What was deferred while the word was held by nobody waits for the next owner.
  if (word.leave_work()) settle();
  CHECK(done == rounds * workers);
}

TEST_CASE("threads: work left by leave_work needs no further call") {
  constexpr int rounds = 10'000;
  LockWord word;
  Atomic<int> left{0};
  int done = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 3; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < rounds; ++i) {
          left.fetch_add(1, std::memory_order_relaxed);
          if (!word.leave_work()) continue;
          do {
            done += left.exchange(0, std::memory_order_relaxed);
          } while (!word.release());
        }
      });
    }
  }
  CHECK_FALSE(word.is_locked());
  CHECK(done == rounds * 3);
}

TEST_CASE("threads: who is told of work sees all that was done before it was left") {
  constexpr int rounds = 2'000;
  for (const bool defers : {false, true}) {
    LockWord word;
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
            word.defer();
          } else if (word.leave_work()) {
            std::abort();  // it has an owner
          }
          left.store(round, std::memory_order_relaxed);
        }
      });
      for (int round = 1; round <= rounds; ++round) {
        REQUIRE(word.take());
        begun.store(round, std::memory_order_release);
        while (left.load(std::memory_order_relaxed) < round) std::this_thread::yield();
        REQUIRE_FALSE(word.release());
        sum += work;
        REQUIRE(word.release());
      }
    }
    CHECK(sum == rounds * (rounds + 1) / 2);
  }
}

TEST_CASE("the short lock: tried, held, let go") {
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

TEST_CASE("threads: the short lock admits one at a time") {
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
