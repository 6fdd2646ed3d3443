// RUN: %runner %build/tests/all_orders_of_short_tasks_test --no-intro
// UNSUPPORTED: valgrind
// purpose: shows that the promises hold in all orders in which the steps of short tasks can come.
// layer: tests; includes the driver.
// threads: none; the models of lit-tests/models go below the level of steps.
// invariants: each order is run by the driver, which asks its oracle after every step.
//
// Not under valgrind, where the thousands of orders take minutes; asan watches their memory.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "driver/execute/executor.hpp"
#include "driver/language/parser.hpp"

using namespace mneme::driver;

namespace {

using Task = std::vector<std::string_view>;

/// Tasks on one heap. Every block is freed by the task that asked for it, so that all orders end
/// with nobody waiting; unless tasks ask for a second block while they hold one: these may
/// deadlock.
struct Scene {
  std::string_view title;
  std::string_view heap;
  std::vector<Task> tasks;
  bool may_deadlock = false;
};

// A block takes 8 bytes more than is asked for: of 64 bytes, 24 and 24 fit together, 24 and 56 not.
const std::vector<Scene> scenes{
    {"one block for three",
     "heap 64 align=8",
     {{"alloc a 56", "free a"}, {"alloc b 56", "free b"}, {"alloc c 56", "free c"}}},
    {"small ones behind a large one",
     "heap 64 align=8",
     {{"alloc a 24", "free a"}, {"alloc b 56", "free b"}, {"alloc c 24", "free c"}}},
    {"a large one that needs two frees",
     "heap 64 align=8",
     {{"alloc a 24", "free a"}, {"alloc b 24", "free b"}, {"alloc c 56", "poll", "free c"}}},
    {"two that ask for both at once",
     "heap 64 align=8",
     {{"alloc a 24", "alloc b 24", "free a", "free b"},
      {"alloc c 24", "alloc d 24", "free c", "free d"}}},
    {"holding and waiting",
     "heap 64 align=8",
     {{"alloc a 24", "poll", "resize a 56", "free a"},
      {"alloc b 24", "poll", "resize b 56", "free b"}},
     true},
    {"a cancelled head",
     "heap 64 align=8",
     {{"alloc a 56", "free a"},
      {"alloc b 56", "cancel b", "free b"},
      {"alloc c 56", "poll", "free c"}}},
    {"two that cancel",
     "heap 64 align=8",
     {{"alloc a 56", "free a"},
      {"alloc b 56", "cancel b", "free b"},
      {"alloc c 24", "cancel c", "free c"}}},
    {"a cancel that lets a small one through",
     "heap 64 align=8",
     {{"alloc a 24", "poll", "free a"},
      {"alloc b 56", "cancel b", "free b"},
      {"alloc c 24", "free c"}}},
    {"a cancelled resize",
     "heap 64 align=8",
     {{"alloc a 24", "poll", "resize a 40", "cancel a", "free a"},
      {"alloc b 24", "poll", "free b"}}},
    {"a lock over frees",
     "heap 64 align=8",
     {{"lock", "unlock"}, {"alloc a 56", "poll", "free a"}, {"alloc b 56", "free b"}}},
    {"a guard that goes past the queue",
     "heap 64 align=8",
     {{"lock", "alloc g 24 guard", "unlock", "free g"},
      {"alloc a 24", "free a"},
      {"alloc b 56", "free b"}}},
    {"a cancel under a lock",
     "heap 64 align=8",
     {{"lock", "unlock"}, {"alloc a 56", "free a"}, {"alloc b 56", "cancel b", "free b"}}},
    {"two that lock",
     "heap 64 align=8",
     {{"lock", "poll", "unlock"}, {"alloc a 56", "poll", "free a"}, {"alloc b 24", "free b"}}},
    {"deferred frees",
     "heap 64 align=8",
     {{"alloc a 24", "poll", "free a defer"},
      {"alloc b 24", "poll", "free b defer"},
      {"alloc c 56", "free c"}}},
    {"deferred frees under a lock",
     "heap 64 align=8",
     {{"lock", "unlock"}, {"alloc a 56", "poll", "free a defer"}, {"alloc b 56", "free b"}}},
    {"attempts that do not wait",
     "heap 64 align=8",
     {{"alloc a 24 try", "free a"}, {"alloc b 56", "free b"}, {"alloc c 24 try", "free c"}}},
    {"a close among waiters",
     "heap 64 align=8",
     {{"close"}, {"alloc a 56", "free a"}, {"alloc b 56", "free b"}, {"alloc c 24", "free c"}}},
    {"a close under a lock",
     "heap 64 align=8",
     {{"lock", "close", "unlock"}, {"alloc a 56", "free a"}, {"alloc b 56", "free b"}}},
    {"a close and a cancel",
     "heap 64 align=8",
     {{"close"}, {"alloc a 56", "poll", "free a"}, {"alloc b 56", "cancel b", "free b"}}},
    {"a resize whose old block may stand in its way",
     "heap 96 align=8",
     {{"alloc a 24", "resize a 56", "free a"}, {"alloc b 24", "free b"}, {"alloc c 24", "free c"}},
     true},
    {"a resize under a lock",
     "heap 64 align=8",
     {{"lock", "unlock"}, {"alloc a 24", "resize a 40", "free a"}, {"alloc b 24", "free b"}},
     true},
    {"aligned blocks and their gaps",
     "heap 128 align=8",
     {{"alloc a 24 align=32", "free a"},
      {"alloc b 40 align=64", "free b"},
      {"alloc c 72", "free c"}}},
    {"names that are made again",
     "heap 64 align=8",
     {{"alloc a 56", "free a", "alloc a 24", "free a"}, {"alloc b 56", "free b"}}},
    {"refused ones among waiters",
     "heap 64 align=8",
     {{"alloc a 57", "free a"}, {"alloc b 56", "free b"}, {"alloc c 56", "free c"}}},
    {"owners and clones",
     "heap 64 align=8",
     {{"arc a", "clone a a2", "drop a", "drop a2"},
      {"array b 6", "free b"},
      {"vec c 4", "push c", "free c"}}},
};

/// The script of one order, in which each entry says whose step comes next.
std::string script_of(const Scene& scene, std::string_view polls,
                      const std::vector<std::size_t>& order) {
  std::string script = std::string(scene.heap).append(polls);
  std::vector<std::size_t> done(scene.tasks.size());
  for (const std::size_t task : order) {
    script.append(scene.tasks[task][done[task]++]).append("\n");
  }
  return script;
}

/// Ends the test. The script is what `mneme run` takes as it is.
[[noreturn]] void fail(const Scene& scene, const std::string& script, const std::string& what) {
  std::printf("# %.*s: %s\n%s", static_cast<int>(scene.title.size()), scene.title.data(),
              what.c_str(), script.c_str());
  std::fflush(stdout);
  std::_Exit(1);  // as the driver does it: what was found broken is not taken apart
}

/// Whether somebody waits at the end.
bool run(const Scene& scene, const std::string& script) {
  try {
    Executor executor;
    Source source(script, "order.mn");
    Parser parser(source);
    for (Op op; parser.next(op);) (void)executor.step(op);
    (void)executor.run_to_end();
    const bool stuck = executor.tally().waiting_at_end > 0;
    executor.take_everything_back();
    if (stuck && !scene.may_deadlock) fail(scene, script, "somebody waits at the end");
    return stuck;
  } catch (const std::exception& error) {
    fail(scene, script, error.what());
  }
}

}  // namespace

TEST_CASE("all orders of short tasks keep the promises") {
  std::size_t orders = 0;
  for (const Scene& scene : scenes) {
    for (const std::string_view polls : {" poll=manual\n", " poll=auto\n"}) {
      std::vector<std::size_t> order;
      for (std::size_t task = 0; task < scene.tasks.size(); ++task) {
        order.insert(order.end(), scene.tasks[task].size(), task);
      }
      std::size_t stuck = 0;
      const std::size_t before = orders;
      do {
        ++orders;
        if (run(scene, script_of(scene, polls, order))) ++stuck;
      } while (std::ranges::next_permutation(order).found);
      CAPTURE(scene.title);
      CHECK((stuck > 0) == scene.may_deadlock);
      CHECK(stuck < orders - before);
    }
  }
  MESSAGE(orders << " orders of " << scenes.size() << " scenes");
  CHECK(orders > 5000);
}
