// purpose: shows what an exploration of C++ tasks finds, and that it finds each planted fault.
// layer: tests; includes testing.
// threads: one.
// invariants: each fault is one that an exploration without its check would miss.
// RUN: cd %source && %build/tests/explore_test
// UNSUPPORTED: quarantine
// REQUIRES: full || release
#include <mneme/testing/explore.hpp>

#include <doctest/doctest.h>

#include <array>
#include <stdexcept>
#include <string>
#include <vector>

#include <mneme/raw/first_fit.hpp>

namespace {

namespace t = mneme::testing;
using t::again;
using t::AnswerKind;
using t::anywhere;
using t::explore;
using t::Task;
using t::yield;

template <std::size_t words>
using Words = std::array<std::size_t, words>;

bool has(const std::string& text, const std::string& part) { return text.contains(part); }

/// Blocks of 6, 26, 10 words and the like: those of a motion sensor, a camera and an uplink.
struct Sensors : t::BasicWorld<mneme::FirstFit> {
  explicit Sensors(std::size_t bytes) : BasicWorld(bytes) {
    task("imu", imu());
    task("camera", camera());
    task("uplink", uplink());
  }
  Task imu() {
    auto sample = co_await heap.make<Words<5>>();
    auto window = co_await heap.make<Words<25>>();
    sample->reset();
    auto result = co_await heap.make<Words<9>>();
    window->reset();
  }
  Task camera() {
    auto line = co_await heap.make<Words<41>>();
    auto edges = co_await heap.make<Words<17>>();
    line->reset();
    auto result = co_await heap.make<Words<9>>();
    edges->reset();
  }
  Task uplink() { auto packet = co_await heap.make<Words<57>>(); }
};

TEST_CASE("a shortest deadlock is found, and explained with lines of source") {
  const auto answer = explore<Sensors>({.switches = anywhere}, 128 * mneme::word_bytes);
  CHECK_FALSE(answer.safe());
  CHECK(answer.kind == AnswerKind::deadlock);
  CHECK(answer.states == 3382);
  CHECK(answer.bad_states == 17);
  CHECK(answer.schedule == "imu*3 camera uplink imu camera");
  CHECK(answer.no_return == 5U);
  const std::string line = std::to_string(__LINE__ - 11);
  CHECK(has(answer.text,
            "! "
            "  5  uplink  explore_test.cpp:" +
                line + ": Task uplink() { auto packet = co_await heap.make<Words<57>>(); }"));
  CHECK(has(answer.text,
            "frees " + std::to_string(6 * mneme::word_bytes) + " bytes of explore_test"));
  CHECK(has(answer.text, "uplink is first and needs"));
}

TEST_CASE("a schedule is replayed alone, and refused if it is not one") {
  const std::size_t bytes = 128 * mneme::word_bytes;
  const std::string text = t::replay<Sensors>("imu*3 camera uplink imu camera", bytes);
  CHECK(has(text, "7  camera"));
  CHECK_THROWS_AS((void)t::replay<Sensors>("imu*20", bytes), std::invalid_argument);
  CHECK_THROWS_AS((void)t::replay<Sensors>("nobody", bytes), std::invalid_argument);
}

TEST_CASE("the smallest heap is found by skipping sizes that decide nothing") {
  const auto found = t::smallest_heap<Sensors>({});
  CHECK(found.safe_from == 150 * mneme::word_bytes);
  CHECK(found.is_decided);
  CHECK(found.explorations < 40);
  CHECK(explore<Sensors>({}, found.safe_from).safe());
  CHECK_FALSE(explore<Sensors>({}, found.safe_from - mneme::word_bytes).safe());
}

/// Whether `last` is 1 depends on the order of the first two tasks, and on nothing else.
struct PlainVariable : t::World {
  int last = 0;
  t::Semaphore both{*this, "both"};
  explicit PlainVariable(std::size_t bytes) : World(bytes) {
    task("one", set(1));
    task("two", set(2));
    task("three", look());
  }
  Task set(int to) {
    co_await yield();
    last = to;
    co_await both.release();
  }
  Task look() {
    co_await both.acquire();
    co_await both.acquire();
    auto first = co_await heap.make<int>();
    if (last == 1) auto second = co_await heap.make<int>();
  }
};

TEST_CASE("a plain variable that tasks share is reported") {
  const std::size_t one_block = 2 * mneme::word_bytes;
  // Without audits the deadlock is not seen.
  CHECK(explore<PlainVariable>({.audit_every = 0}, one_block).safe());
  const auto answer = explore<PlainVariable>({}, one_block);
  CHECK(answer.kind == AnswerKind::hidden_state);
  CHECK(has(answer.text, "a plain variable that several tasks use"));
}

/// The same with a variable that can be seen.
struct SharedVariable : t::World {
  t::Shared<int> last{*this, "last"};
  t::Semaphore both{*this, "both"};
  explicit SharedVariable(std::size_t bytes) : World(bytes) {
    task("one", set(1));
    task("two", set(2));
    task("three", look());
  }
  Task set(int to) {
    co_await last.store(to);
    co_await both.release();
  }
  Task look() {
    co_await both.acquire();
    co_await both.acquire();
    auto first = co_await heap.make<int>();
    const int value = co_await last.load();
    if (value == 1) auto second = co_await heap.make<int>();
  }
};

TEST_CASE("a Shared variable is a part of the state") {
  const auto answer = explore<SharedVariable>({}, 2 * mneme::word_bytes);
  CHECK(answer.kind == AnswerKind::deadlock);
  CHECK(answer.audited > 0);
  CHECK(explore<SharedVariable>({}, 4 * mneme::word_bytes).safe());
}

struct WrongAgain : t::World {
  explicit WrongAgain(std::size_t bytes) : World(bytes) { task("loop", loop()); }
  Task loop() {
    for (int round = 0; round < 3; ++round) {
      co_await yield();
      auto block = co_await heap.make<int>();
      co_await again();
    }
    auto first = co_await heap.make<int>();
    auto second = co_await heap.make<int>();
  }
};

TEST_CASE("again() in a loop that ends is reported") {
  const std::size_t one_block = 2 * mneme::word_bytes;
  CHECK(explore<WrongAgain>({.audit_every = 0}, one_block).safe());
  const auto answer = explore<WrongAgain>({}, one_block);
  CHECK(answer.kind == AnswerKind::hidden_state);
  CHECK(has(answer.text, "again()"));
}

int worlds = 0;
int steps = 0;

struct GlobalCounters : t::World {
  GlobalCounters(std::size_t bytes, bool counts_steps) : World(bytes) {
    ++worlds;
    tasks("counter", 2, [=, this] { return count(counts_steps); });
  }
  Task count(bool counts_steps) {
    co_await yield();
    if (counts_steps ? ++steps % 5 == 0 : worlds > 4) co_await yield();
    auto block = co_await heap.make<int>();
  }
};

TEST_CASE("a global counter is reported") {
  worlds = 0;
  const auto of_worlds = explore<GlobalCounters>({}, 16 * mneme::word_bytes, false);
  CHECK(of_worlds.kind == AnswerKind::unrepeatable);
  CHECK(has(of_worlds.text, "not made anew with the world"));
  const auto of_steps = explore<GlobalCounters>({}, 16 * mneme::word_bytes, true);
  CHECK_FALSE(of_steps.safe());
}

struct Leak : t::World {
  explicit Leak(std::size_t bytes) : World(bytes) {
    task("keeper", keep());
    task("other", other());
  }
  Task keep() {
    auto block = co_await heap.make<int>();
    if (block) (void)block->leak();
  }
  Task other() { auto block = co_await heap.make<int>(); }
};

TEST_CASE("a block that is never freed is reported with its task and line") {
  const auto answer = explore<Leak>({}, 16 * mneme::word_bytes);
  CHECK(answer.kind == AnswerKind::leak);
  CHECK(has(answer.text, "leak in keeper: "));
  CHECK(has(answer.text, "auto block = co_await heap.make<int>();"));
}

struct Fails : t::World {
  t::Shared<int> count{*this, "count"};
  Fails(std::size_t bytes, bool by_exception) : World(bytes) {
    tasks("adder", 2, [this, by_exception] { return add(by_exception); });
  }
  Task add(bool by_exception) {
    const int before = co_await count.load();
    co_await count.store(before + 1);
    const int after = co_await count.load();
    if (by_exception && after == before) throw std::runtime_error("lost");
    t::require(after > before || by_exception, "an addition is lost");
  }
};

TEST_CASE("a violation and an exception are reported with the schedule that leads there") {
  const auto violation = explore<Fails>({}, 256, false);
  CHECK(violation.safe());  // no other store comes between that makes it smaller
  struct Lost : t::World {
    t::Shared<int> count{*this, "count"};
    t::Semaphore done{*this, "done"};
    Lost(std::size_t bytes, bool throws) : World(bytes) {
      tasks("adder", 2, [this] { return add(); });
      task("judge", judge(throws));
    }
    Task add() {
      const int before = co_await count.load();
      co_await count.store(before + 1);
      co_await done.release();
    }
    Task judge(bool throws) {
      co_await done.acquire();
      co_await done.acquire();
      const int sum = co_await count.load();
      if (throws && sum != 2) throw std::runtime_error("a lost sum");
      t::require(sum == 2, "an addition is lost");
    }
  };
  const auto lost = explore<Lost>({}, 256, false);
  CHECK(lost.kind == AnswerKind::violation);
  CHECK(has(lost.text, "violation in judge: an addition is lost"));
  CHECK(has(lost.text, "t::require(sum == 2"));
  CHECK(lost.steps == 9);
  const auto thrown = explore<Lost>({}, 256, true);
  CHECK(thrown.kind == AnswerKind::exception);
  CHECK(has(thrown.text, "exception in judge: a lost sum"));
  CHECK(has(t::replay<Lost>(thrown.schedule, 256, true), "9  judge"));
}

struct Stuck : t::World {
  t::Semaphore never{*this, "never"};
  explicit Stuck(std::size_t bytes) : World(bytes) { task("hopeful", hope()); }
  Task hope() { co_await never.acquire(); }
};

TEST_CASE("a semaphore that nobody releases is a verdict of its own") {
  const auto answer = explore<Stuck>({}, 64);
  CHECK(answer.kind == AnswerKind::stuck);
  CHECK(has(answer.text, "hopeful waits at"));
  CHECK(has(answer.text, "acquire never"));
}

/// Two heaps, each taken first by one of two tasks.
struct TwoHeaps : t::World {
  t::MoreHeap<> dma{*this, "dma", 4 * mneme::word_bytes};
  explicit TwoHeaps(std::size_t bytes, bool gives_up) : World(bytes) {
    task("one", take(heap, dma.heap, gives_up));
    task("two", take(dma.heap, heap, false));
  }
  static Task take(t::Heap& first, t::Heap& second, bool gives_up) {
    auto one = co_await first.make<Words<3>>();
    if (gives_up) {
      auto two = co_await t::or_timeout(second.make<Words<3>>());
    } else {
      auto two = co_await second.make<Words<3>>();
    }
  }
};

TEST_CASE("two heaps can deadlock together, and a request that may be given up can help") {
  const auto answer = explore<TwoHeaps>({}, 4 * mneme::word_bytes, false);
  CHECK(answer.kind == AnswerKind::deadlock);
  CHECK(has(answer.text, "heap dma:"));
  CHECK(explore<TwoHeaps>({}, 4 * mneme::word_bytes, true).safe());
}

/// Endless, with variables from malloc, parts that are tasks, and choices.
struct Server : t::BasicWorld<mneme::FirstFit> {
  Mailbox<mneme::Box<Words<3>, Heap>> requests{*this, "requests", 1};
  explicit Server(std::size_t bytes) : BasicWorld(bytes) {
    task("client", client());
    tasks("worker", 2, [this] { return worker(); });
  }
  Task client() {
    while (true) {
      auto request = co_await heap.make<Words<3>>();
      co_await requests.send(*std::move(request));
      co_await again();
    }
  }
  Task worker() {
    while (true) {
      co_await serve();
      co_await again();
    }
  }
  Task serve() {
    std::vector<std::string> log;
    auto request = co_await requests.receive();
    log.emplace_back("a text that is too long for the string itself");
    if (co_await t::choose(2) == 1) auto answer = co_await heap.make<Words<3>>();
  }
};

TEST_CASE("endless tasks are explored: a server deadlocks, or does not, by its memory") {
  const auto tight = explore<Server>({}, 12 * mneme::word_bytes);
  CHECK(tight.kind == AnswerKind::deadlock);
  const auto roomy = explore<Server>({}, 24 * mneme::word_bytes);
  CAPTURE(roomy);
  CHECK(roomy.safe());
  CHECK(has(roomy.text, "no deadlock ("));
}

TEST_CASE("a limit on states decides nothing") {
  const auto answer = explore<Server>({.states = 5}, 24 * mneme::word_bytes);
  CHECK(answer.kind == AnswerKind::not_decided);
  CHECK(answer.states >= 5);
}

}  // namespace
