// purpose: shows that tasks are found by name after any insertions and removals.
// layer: tests; includes the driver's task_table.
// threads: one.
// invariants: none.
// RUN: %runner %build/tests/task_table_test
#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>

#include "driver/execute/task_table.hpp"

using mneme::driver::NameKey;
using mneme::driver::Names;
using mneme::driver::Task;
using mneme::driver::TaskTable;

namespace {

TEST_CASE("a task table finds the same tasks as a map") {
  std::mt19937 random{1};
  TaskTable table;
  std::map<std::string, std::unique_ptr<Task>> expected;
  for (int step = 0; step < 20'000; ++step) {
    const std::string name = "b" + std::to_string(random() % 500);
    const auto at = expected.find(name);
    REQUIRE(table.find(NameKey{name}) == (at == expected.end() ? nullptr : at->second.get()));
    if (at == expected.end()) {
      auto& task = expected[name] = std::make_unique<Task>();
      task->name = name;
      table.add(*task, NameKey{name});
    } else {
      table.remove(*at->second);
      expected.erase(at);
    }
  }
  std::size_t seen = 0;
  table.for_each([&](const Task& task) {
    CHECK(expected.contains(task.name));
    ++seen;
  });
  CHECK(seen == expected.size());
}

TEST_CASE("names that count up are spread over a table of any size") {
  for (const std::size_t mask : {0xFFU, 0xFFFU, 0xFFFFU}) {
    for (const std::string prefix : {"b", "block", "a-long-name-of-a-block.", ""}) {
      std::set<std::uint64_t> homes;
      for (std::size_t i = 0; i <= mask; ++i) {
        homes.insert(NameKey{prefix + std::to_string(i)}.hash() & mask);
      }
      CHECK(homes.size() > mask / 2);  // by chance they would be at 63 of 100 places
    }
  }
}

TEST_CASE("the latest finished names are remembered, and older ones forgotten") {
  Names names;
  const auto name = [](std::size_t number) { return "b" + std::to_string(number); };
  for (std::size_t i = 0; i <= mneme::driver::finished_names_max; ++i) {
    names.retire(names.begin(NameKey{name(i)}, nullptr));
  }
  CHECK(names.find(NameKey{name(0)}) == nullptr);
  REQUIRE(names.find(NameKey{name(1)}) != nullptr);
  CHECK(names.find(NameKey{name(1)})->name == name(1));
}

}  // namespace
