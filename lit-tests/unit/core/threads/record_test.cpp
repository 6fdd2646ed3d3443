// RUN: %runner %build/tests/record_test
// purpose: shows the lines of a dump, and how tasks and threads are numbered.
// layer: tests; includes recording.
// threads: one after another.
// invariants: none.
#include <doctest/doctest.h>

#include <mneme/recording/record.hpp>
#include <string>
#include <thread>

using namespace mneme;

namespace {

std::string text_of(const DumpLine& line) { return {line.data(), line.size()}; }
std::string line_of(Event event) {
  return text_of(DumpLine{}.record(
      {.event = event, .align_exponent = 4, .thread = 2, .task = 7, .id = 0xAB0, .value = 600}));
}

TEST_CASE("each event has a line of its own form") {
  CHECK(line_of(Event::allocated) == "alloc 7 2 0xab0 600 16\n");
  CHECK(line_of(Event::waits) == "wait 7 2 0xab0 600 16\n");
  CHECK(line_of(Event::granted) == "grant 7 2 0xab0 0x258\n");
  CHECK(line_of(Event::cancelled) == "cancel 7 2 0xab0\n");
  CHECK(line_of(Event::resized) == "resize 7 2 0xab0 600\n");
  CHECK(line_of(Event::freed) == "free 7 2 0xab0 600\n");
}

TEST_CASE("the first line has the version, and the last one how much is missing") {
  const std::string word = std::to_string(word_bytes);
  CHECK(text_of(DumpLine{}.head(4096, true)) ==
        "mneme-recording 1 word=" + word + " heap=4096 keeps=newest\n");
  CHECK(text_of(DumpLine{}.head(0, false)) == "mneme-recording 1 word=" + word + " keeps=oldest\n");
  CHECK(text_of(DumpLine{}.end(12, 3)) == "end 12 3\n");
}

TEST_CASE("the longest line fits") {
  const auto most = static_cast<std::size_t>(-1);
  const DumpLine line = DumpLine{}.record({.event = Event::waits,
                                           .align_exponent = 8 * word_bytes - 1,
                                           .thread = UINT32_MAX,
                                           .task = UINT32_MAX,
                                           .id = most,
                                           .value = most});
  CHECK(line.size() < DumpLine::size_max);
  CHECK(text_of(line).ends_with("\n"));
}

TEST_CASE("a line that is too long is truncated") {
  DumpLine line;
  for (int i = 0; i < 50; ++i) line.text("words ");
  CHECK(line.size() == DumpLine::size_max);
}

TEST_CASE("a scope is that of a task, and the scope around it comes back") {
  CHECK(current_task() == 0);
  {
    const AsTask outer(3);
    CHECK(current_task() == 3);
    {
      const AsTask interrupt(9);
      CHECK(current_task() == 9);
    }
    CHECK(current_task() == 3);
    std::thread([] { CHECK(current_task() == 0); }).join();
  }
  CHECK(current_task() == 0);
}

TEST_CASE("each thread has a number of its own, and keeps it") {
  const std::uint32_t own = thread_number();
  CHECK(own > 0);
  CHECK(thread_number() == own);
  std::uint32_t other = 0;
  std::thread([&] { other = thread_number(); }).join();
  CHECK(other > 0);
  CHECK(other != own);
}

}  // namespace
