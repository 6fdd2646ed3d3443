// purpose: shows what a step of a C++ task does, and when two states are the same.
// layer: tests; includes testing.
// threads: one.
// invariants: none.
// RUN: %build/tests/world_test
// UNSUPPORTED: quarantine
// REQUIRES: full || release
#include <mneme/testing/world.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include <mneme/testing/objects.hpp>
#include <mneme/testing/operation.hpp>
#include <mneme/testing/task.hpp>
#include <mneme/testing/world_base.hpp>
#include <mneme/testing/world_memory.hpp>
#include <mneme/testing/world_state.hpp>
#include <mneme/testing/world_step.hpp>

namespace {

namespace t = mneme::testing;

struct Steps : t::World {
  Semaphore gate{*this, "gate"};
  Mailbox<int> box{*this, "box", 1};
  Shared<int> count{*this, "count", 3};
  int seen = 0;
  explicit Steps(std::size_t bytes) : World(bytes) {
    task("first", first());
    task("second", second());
  }
  Task first() {
    {
      auto block = co_await heap.make<int>(1);
      auto other = co_await heap.make<int>(2);
    }
    co_await gate.release();
    co_await box.send(5);
    co_await box.send(6);
  }
  Task second() {
    co_await gate.acquire();
    seen = co_await box.receive();
    seen += co_await count.change([](int& value) { ++value; });
  }
};

TEST_CASE("each operation is a step, and so is each free of a destructor") {
  Steps world{1024};
  world.begin(t::Switches::anywhere, 0);
  CHECK(world.can_step(0));
  CHECK_FALSE(world.can_step(1));
  CHECK(world.is_blocked(1));
  (void)world.step({0});
  (void)world.step({0});
  CHECK(world.blocks().size() == 2);
  (void)world.step({0});
  CHECK(world.blocks().size() == 1);
  CHECK(world.blocks()[0].receipt == 0);  // the second was destroyed first
  (void)world.step({0});
  CHECK(world.blocks().empty());
  (void)world.step({0});
  CHECK(world.can_step(1));
  (void)world.step({0});
  CHECK_FALSE(world.can_step(0));  // the mailbox is full
  for (int step = 0; step < 3; ++step) (void)world.step({1});
  CHECK(world.is_done(1));
  CHECK(world.seen == 9);
  (void)world.step({0});
  CHECK(world.is_done(0));
}

struct Pair : t::World {
  Semaphore gate{*this, "gate", 1};
  explicit Pair(std::size_t bytes) : World(bytes) {
    tasks("twin", 2, [this] { return twin(); });
  }
  Task twin() {
    co_await gate.acquire();
    auto block = co_await heap.make<int>();
    co_await gate.release();
  }
};

/// Behind a step of each of these tasks.
std::vector<std::byte> identity_after(const std::vector<std::uint8_t>& steps) {
  static t::WorldMemory memory;  // the same for each: addresses are in the bounded heap's own words
  memory.begin();
  t::WorldMemory::active = &memory;
  Pair world{1024};
  t::WorldMemory::active = nullptr;
  world.begin(t::Switches::anywhere, 0);
  for (const std::uint8_t task : steps) (void)world.step({task, 0});
  const auto identity = world.identity();
  return {identity.begin(), identity.end()};
}

TEST_CASE("identical tasks may change places, and a step makes a difference") {
  CHECK(identity_after({0, 0}) == identity_after({1, 1}));
  CHECK(identity_after({0}) != identity_after({}));
  CHECK(identity_after({0, 0}) != identity_after({0}));
  Pair world{1024};
  world.begin(t::Switches::anywhere, 0);
  (void)world.identity();
  CHECK(world.twin_of(1) == 0);
  (void)world.step({1});
  (void)world.identity();
  CHECK(world.twin_of(1) == 1);
  CHECK(world.sorted_tasks()[0] == 0);
}

TEST_CASE("where tasks are switched at waits only, one goes on until it waits or yields") {
  Pair world{1024};
  world.begin(t::Switches::waits, 0);
  (void)world.step({0});
  CHECK(world.can_step(0));
  CHECK_FALSE(world.can_step(1));
}

TEST_CASE("the pieces of a world's memory are those of the world before") {
  t::WorldMemory memory;
  const std::byte* const first = memory.take(100).data();
  const std::byte* const second = memory.take(100).data();
  CHECK(first != second);
  memory.begin();
  CHECK(memory.take(100).data() == first);
  CHECK(memory.take(100).data() == second);
}

}  // namespace
