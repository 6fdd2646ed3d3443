// purpose: shows that C++ tasks are explored exactly as the tasks of a script that does the same.
// layer: tests; includes support.
// threads: one.
// invariants: states, transitions, deadlock states, shortest length, shares: all are compared.
// RUN: env MNEME_SCENARIOS=%source/lit-tests/scenarios %build/tests/explorer_test
// UNSUPPORTED: valgrind
// REQUIRES: full || release
#include <mneme/testing/explorer.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "driver/language/source.hpp"
#include "support/driver/script_tasks.hpp"
#include "support/effort.hpp"

namespace {

using namespace mneme::tests;

std::string text_of(const Explored& explored) {
  return std::to_string(explored.kind) + ": " + std::to_string(explored.states) + " states, " +
         std::to_string(explored.transitions) + " transitions, " +
         std::to_string(explored.bad_states) + " bad, " + std::to_string(explored.steps) +
         " steps, " + std::to_string(explored.no_return) + ", " +
         std::to_string(explored.schedules) + ", " + std::to_string(explored.chance);
}

void compare(const mneme::driver::Program& program, mneme::testing::Switches switches,
             std::uint64_t states) {
  mneme::testing::Answer answer;
  const Explored by_script = explore_script(program, switches, states);
  const Explored by_tasks = explore_tasks(program, switches, states, &answer);
  CAPTURE(program.file);
  CAPTURE(answer.text);
  CHECK(text_of(by_tasks) == text_of(by_script));
}

/// Draws scripts whose steps C++ tasks can take one to one.
class Script {
 public:
  explicit Script(unsigned seed) : random_{seed} {}

  std::string text() {
    text_.clear();
    largest_ = 16;
    for (int number = 1 + below(3); number > 0; --number) {
      add_task(static_cast<char>('a' + number));
    }
    const std::string heap = "heap " + std::to_string(largest_ + 8 * below(10)) +
                             (below(2) == 0 ? " raw=first-fit" : " raw=bounded") + " align=8\n";
    return heap + "semaphore s 1\nsemaphore r 0\nmailbox m 2\n" + text_;
  }

 private:
  int below(int count) { return static_cast<int>(random_() % static_cast<unsigned>(count)); }

  void add_task(char name) {
    const bool is_isr = below(8) == 0;
    text_ += std::string(is_isr ? "isr " : "task ") + name;
    if (!is_isr && below(2) == 0) text_ += " x" + std::to_string(2 + below(2));
    text_ += '\n';
    const int loop = below(5);
    if (loop < 2) text_ += loop == 0 ? "repeat forever\n" : "repeat 2\n";
    std::vector<int> held;
    int names = 0;
    const auto add_request = [&] {
      const std::array sizes{8, 8, 16, 24, 40};
      const int size = sizes[static_cast<std::size_t>(below(5))];
      largest_ = std::max(largest_, (size + 15) / 8 * 8);
      text_ += "alloc n" + std::to_string(names) + ' ' + std::to_string(size) +
               (is_isr ? " try\n" : "\n");
      held.push_back(names++);
    };
    for (int count = 2 + below(4); count > 0; --count) {
      const int kind = below(12);
      if (kind < 6 && !is_isr) add_request();
      if (kind == 6) text_ += std::string("signal ") + (below(2) == 0 ? "s\n" : "r\n");
      if (kind == 7 && !is_isr) text_ += std::string("wait ") + (below(2) == 0 ? "s\n" : "r\n");
      if (kind == 8 && !is_isr) text_ += "yield\n";
      if (kind == 9 && !held.empty() && !is_isr) {
        text_ += "send m n" + std::to_string(held.back()) + '\n';
        held.pop_back();
      }
      if (kind == 10) {
        text_ += "receive m n" + std::to_string(names) + '\n';
        held.push_back(names++);
      }
      if (kind == 11 && !held.empty()) {
        const auto at = static_cast<std::ptrdiff_t>(below(static_cast<int>(held.size())));
        text_ += "free n" + std::to_string(held[static_cast<std::size_t>(at)]) + '\n';
        held.erase(held.begin() + at);
      }
    }
    if (names == 0 && !is_isr) add_request();
    if (is_isr) text_ += "signal r\n";
    for (; !held.empty(); held.pop_back()) text_ += "free n" + std::to_string(held.back()) + '\n';
    if (loop < 2) text_ += "end\n";
    text_ += "end\n";
  }

  std::mt19937 random_;
  std::string text_;
  int largest_ = 16;
};

/// C++ tasks have one heap, without a size behind its name; they neither extend nor lock it, nor
/// resize.
bool is_for_cpp_tasks(const mneme::driver::Program& program) {
  const auto& heap = program.heaps.front();
  const auto is_beyond = [](const mneme::driver::TaskProgram& task) {
    return std::ranges::any_of(task.steps, [](const mneme::driver::ProgramStep& step) {
      return step.kind == mneme::driver::OpKind::resize || step.kind == mneme::driver::OpKind::lock;
    });
  };
  return program.heaps.size() == 1 && heap.extension_bytes == 0 && !heap.raw_bytes &&
         std::ranges::none_of(program.tasks, is_beyond);
}

TEST_CASE("C++ tasks have the states and deadlocks of the scenarios, as scripts") {
  const char* const folder = std::getenv("MNEME_SCENARIOS");
  std::size_t scenarios = 0;
  for (const auto& file :
       std::filesystem::directory_iterator(folder == nullptr ? "lit-tests/scenarios" : folder)) {
    if (file.path().extension() != ".mn") continue;
    mneme::driver::Program program;
    try {
      program = program_of(mneme::driver::Source::open(file.path().string()));
    } catch (const mneme::driver::ScriptError&) {
      continue;  // not of this language
    }
    if (program.tasks.empty() || !is_for_cpp_tasks(program)) continue;
    ++scenarios;
    if (program.heaps.front().raw == "best-fit") program.heaps.front().raw = "bounded";
    compare(program, mneme::testing::anywhere, 2'500);
    compare(program, mneme::testing::waits, 2'500);
  }
  CHECK(scenarios >= 14);
}

TEST_CASE("C++ tasks have the states and deadlocks of random scripts") {
  std::size_t compared = 0;
  std::array<int, 4> kinds{};
  for (unsigned seed = 0; compared < tests::rounds(300); ++seed) {
    const std::string text = Script{seed}.text();
    CAPTURE(text);
    const auto program = program_of(mneme::driver::Source{text, "random.mn"});
    const Explored by_script = explore_script(program, mneme::testing::anywhere, 1'200);
    if (by_script.states >= 1'200) continue;
    compare(program, seed % 3 == 0 ? mneme::testing::waits : mneme::testing::anywhere, 1'200);
    ++kinds[static_cast<std::size_t>(by_script.kind)];
    ++compared;
  }
  CHECK(kinds[static_cast<std::size_t>(mneme::testing::VerdictKind::deadlock)] > tests::rounds(30));
  CHECK(kinds[static_cast<std::size_t>(mneme::testing::VerdictKind::no_deadlock)] >
        tests::rounds(30));
  CHECK(kinds[static_cast<std::size_t>(mneme::testing::VerdictKind::stuck)] > tests::rounds(10));
}

}  // namespace
