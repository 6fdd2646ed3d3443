// purpose: shows that a program of src/examples is explored as it is, with coroutines of its own.
// layer: tests; includes testing, examples.
// threads: one.
// invariants: none.
// RUN: %build/tests/default_raw_test
// UNSUPPORTED: quarantine
// REQUIRES: full || release
#define MNEME_DEFAULT_RAW_HEADER "mneme/testing/default_raw.hpp"
#include <mneme/testing/default_raw.hpp>
#include <mneme/testing/explore.hpp>
#include <mneme/waiting/try_allocate.hpp>

#include <doctest/doctest.h>

#include <string>

#define main first_steps  // NOLINT
#include "examples/first_steps.cpp"
#undef main

namespace {

namespace t = mneme::testing;

/// The tasks of the example, and one that does what its main() does.
struct FirstSteps : t::World {
  mneme::Box<Packet> first_out;
  mneme::Box<Packet> second_out;
  FirstSteps(std::size_t bytes, bool frees) : World(bytes) {
    task("first", [this] { return send(heap, 1, first_out); });
    task("second", [this] { return send(heap, 2, second_out); });
    if (frees) task("main", empty());
  }
  t::Task empty() {
    while (true) {
      co_await t::yield();
      first_out.reset();
      second_out.reset();
      co_await t::again();
    }
  }
};

/// Keeps its first packet while it asks for the second.
Task hold_and_wait(mneme::Heap& heap) {
  auto first = co_await heap.make<Packet>(1);
  auto second = co_await heap.make<Packet>(2);
}

struct HoldAndWait : t::World {
  explicit HoldAndWait(std::size_t bytes) : World(bytes) {
    tasks("holder", 2, [this] { return hold_and_wait(heap); });
  }
};

Task try_once(mneme::Heap& heap) {
  if (auto now = heap.try_make<Packet>(1)) co_return;
  auto later = co_await heap.make<Packet>(2);
}

struct Tries : t::World {
  explicit Tries(std::size_t bytes) : World(bytes) {
    task("eager", [this] { return try_once(heap); });
  }
};

TEST_CASE("the first example is safe as long as its main() frees the packets") {
  const auto answer = t::explore<FirstSteps>({}, 2048, true);
  CAPTURE(answer);
  CHECK(answer.safe());
  CHECK(answer.is_coarse);
  CHECK(answer.text.find("switched at requests for memory only: first, second") !=
        std::string::npos);
  const auto without = t::explore<FirstSteps>({}, 2048, false);
  CHECK(without.kind == t::AnswerKind::deadlock);
  CHECK(without.schedule == "first*2 second");
}

TEST_CASE("a hold-and-wait between coroutines of another type is found") {
  const auto answer = t::explore<HoldAndWait>({}, 4096);
  CAPTURE(answer);
  CHECK(answer.kind == t::AnswerKind::deadlock);
  CHECK(answer.schedule == "holder1 holder2 holder1 holder2");
  CHECK(t::explore<HoldAndWait>({}, 8192).safe());
}

TEST_CASE("a try in a coroutine of another type is reported, as it cannot be explored") {
  const auto answer = t::explore<Tries>({}, 4096);
  CHECK(answer.kind == t::AnswerKind::violation);
  CHECK(answer.text.find("calls try_allocate") != std::string::npos);
}

TEST_CASE("outside of an exploration such heaps are as any other") { CHECK(first_steps() == 0); }

}  // namespace
