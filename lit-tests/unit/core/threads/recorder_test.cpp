// RUN: %runner %build/tests/recorder_test
// purpose: shows that a recorder sees each event of a heap, and that it changes nothing.
// layer: tests; includes mneme and recording.
// threads: one records from several threads.
// invariants: none.
#include <mneme/recording/recorder.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <map>
#include <mneme/mneme.hpp>
#include <mneme/raw/first_fit.hpp>
#include <mneme/raw/quarantining.hpp>
#include <mneme/waiting/lock_request.hpp>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "support/recordings.hpp"

using namespace mneme;

namespace {

constexpr Layout big{.size = 40 * word_bytes, .align = word_bytes};
constexpr std::string_view big_size = word_bytes == 8 ? "320" : "160";

/// A recorded heap that has room for one big block. Its dump has letters for addresses and threads,
/// in the order in which they come.
template <class Raw>
struct RecordedHeap {
  alignas(64) std::byte region[64 * word_bytes]{};
  std::array<RecordSlot, 64> slots{};
  Recorder recorder{slots, WhenFull::overwrite};
  BasicHeap<Recorded<Raw>> heap{std::span{region}};

  RecordedHeap() { record(heap, recorder); }

  std::vector<std::string> events() {
    const std::string text = tests::dump_of(recorder);
    std::vector<std::string> lines;
    std::map<std::string, std::string> letters;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) {
      std::istringstream words(line);
      std::string event;
      std::string task;
      std::string thread;
      std::string shown;
      words >> event;
      if (event == "mneme-recording" || event == "end") continue;
      words >> task >> thread;
      shown = event;
      shown.append(" ").append(task);
      for (std::string word; words >> word;) {
        if (word.starts_with("0x")) {
          word =
              letters.try_emplace(word, 1, static_cast<char>('a' + letters.size())).first->second;
        } else if (word == big_size) {
          word = "big";
        }
        shown.append(" ").append(word);
      }
      lines.push_back(shown);
    }
    return lines;
  }
};

using Lines = std::vector<std::string>;
const std::string word_text = std::to_string(word_bytes);

TEST_CASE_TEMPLATE("a request that waits, its grant and the free are recorded with their tasks",
                   Raw, Bounded, FirstFit) {
  RecordedHeap<Raw> here;
  void* const first = here.heap.try_allocate(big);
  {
    auto request = here.heap.allocate(big);
    {
      const AsTask task(5);
      CHECK_FALSE(request.poll());
    }
    here.heap.free(first, big);
    const AsTask task(5);
    CHECK(request.poll().value().has_value());
  }
  CHECK(here.events() == Lines{"alloc 0 a big " + word_text, "wait 5 b big " + word_text,
                               "free 0 a big", "alloc 0 a big " + word_text, "grant 0 b a",
                               "free 5 a big"});
}

TEST_CASE("cancelled, destroyed and closed requests are recorded while they wait") {
  RecordedHeap<Bounded> here;
  void* const first = here.heap.try_allocate(big);
  auto cancelled = here.heap.allocate(big);
  CHECK_FALSE(cancelled.poll());
  cancelled.cancel();
  cancelled.cancel();
  {
    auto destroyed = here.heap.allocate(big);
    CHECK_FALSE(destroyed.poll());
  }
  auto closed = here.heap.allocate(big);
  CHECK_FALSE(closed.poll());
  here.heap.close();
  CHECK(closed.poll().value().error() == AllocError::closed);
  here.heap.free(first, big);
  const Lines lines = here.events();
  REQUIRE(lines.size() == 8);
  CHECK(lines[1].starts_with("wait 0 b"));
  CHECK(lines[2] == "cancel 0 b");
  CHECK(lines[4].starts_with("cancel 0 "));
  CHECK(lines[6].starts_with("cancel 0 "));
}

TEST_CASE("a request that is cancelled after its grant frees its block") {
  RecordedHeap<Bounded> here;
  void* const first = here.heap.try_allocate(big);
  {
    auto request = here.heap.allocate(big);
    CHECK_FALSE(request.poll());
    here.heap.free(first, big);
  }
  const Lines lines = here.events();
  REQUIRE(lines.size() == 6);
  CHECK(lines[4] == "grant 0 b a");
  CHECK(lines[5] == "free 0 a big");
}

TEST_CASE("a deferred free is recorded where it is called, once") {
  RecordedHeap<Bounded> here;
  void* const payload = here.heap.try_allocate(big);
  {
    const AsTask interrupt(2);
    here.heap.defer_free(payload, big);
  }
  CHECK(here.events().back() == "free 2 a big");
  here.heap.poll();
  CHECK(here.events().size() == 2);

  void* const other = here.heap.try_allocate(big);
  {
    auto guard = here.heap.try_lock();
    const AsTask interrupt(3);
    here.heap.free(other, big);
  }
  CHECK(here.events().back() == "free 3 a big");
  CHECK(here.events().size() == 4);
}

TEST_CASE("a resize in place is recorded, and one that fails is not") {
  RecordedHeap<Bounded> here;
  constexpr Layout small{.size = 4 * word_bytes, .align = word_bytes};
  constexpr Layout larger{.size = 6 * word_bytes, .align = word_bytes};
  void* const payload = here.heap.try_allocate(small);
  CHECK(here.heap.try_resize(payload, small, larger));
  CHECK_FALSE(here.heap.try_resize(payload, larger, {.size = 4096, .align = word_bytes}));
  here.heap.free(payload, larger);
  const std::string size = std::to_string(6 * word_bytes);
  CHECK(here.events() == Lines{"alloc 0 a " + std::to_string(4 * word_bytes) + " " + word_text,
                               "resize 0 a " + size, "free 0 a " + size});
}

TEST_CASE("the dump has the size of the region, and both counts") {
  RecordedHeap<Bounded> here;
  for (int i = 0; i < 40; ++i) here.heap.free(here.heap.try_allocate(big), big);
  const std::string text = tests::dump_of(here.recorder);
  CHECK(text.starts_with("mneme-recording 1 word=" + word_text +
                         " heap=" + std::to_string(64 * word_bytes) + " keeps=newest\n"));
  CHECK(text.ends_with("\nend 64 16\n"));
}

TEST_CASE("the dump has the size of the region after it was extended") {
  alignas(64) std::byte region[64 * word_bytes]{};
  std::array<RecordSlot, 4> slots{};
  Recorder recorder{slots, WhenFull::overwrite};
  BasicHeap<Recorded<Bounded>> heap{std::span{region}.first(32 * word_bytes)};
  CHECK(heap.extend(8 * word_bytes));
  record(heap, recorder);
  const auto size_text = [&] {
    std::string text = tests::dump_of(recorder);
    text.erase(text.find('\n'));
    return text.substr(text.find("heap="));
  };
  CHECK(size_text() == "heap=" + std::to_string(40 * word_bytes) + " keeps=newest");
  CHECK(heap.extend(24 * word_bytes));
  CHECK(size_text() == "heap=" + std::to_string(64 * word_bytes) + " keeps=newest");
  CHECK_FALSE(heap.extend(SIZE_MAX));
  CHECK(size_text() == "heap=" + std::to_string(64 * word_bytes) + " keeps=newest");
}

TEST_CASE("a pause leaves events out, and does not count them as lost") {
  RecordedHeap<Bounded> here;
  here.recorder.pause();
  void* const payload = here.heap.try_allocate(big);
  here.recorder.resume();
  here.heap.free(payload, big);
  CHECK(here.events() == Lines{"free 0 a big"});
}

TEST_CASE(
    "a heap in a quarantine is recorded as well, and one without a recorder goes on as ever") {
  alignas(64) std::byte region[64 * word_bytes]{};
  std::array<RecordSlot, 8> slots{};
  Recorder recorder(slots, WhenFull::stop);
  BasicHeap<Quarantining<Recorded<Bounded>, 2>> heap{std::span{region}};
  heap.free(heap.try_allocate(big), big);
  record(heap, recorder);
  void* const payload = heap.try_allocate(big);
  REQUIRE(payload != nullptr);
  auto request = heap.allocate(big);
  CHECK_FALSE(request.poll());
  heap.free(payload, big);
  std::size_t lines = 0;
  recorder.dump([&](const char*, std::size_t) { ++lines; });
  CHECK(lines == 2 + 5);  // alloc, wait, free, alloc, grant
}

TEST_CASE("threads that allocate and free at once are recorded block by block") {
  RecordedHeap<Bounded> here;
  constexpr Layout small{.size = 2 * word_bytes, .align = word_bytes};
  std::vector<std::thread> threads;
  for (int id = 0; id < 3; ++id) {
    threads.emplace_back([&] {
      for (int i = 0; i < 8; ++i) {
        if (void* const payload = here.heap.try_allocate(small)) here.heap.free(payload, small);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  here.heap.poll();
  std::map<std::string, bool> live;
  for (const std::string& line : here.events()) {
    std::istringstream words(line);
    std::string event;
    std::string task;
    std::string block;
    words >> event >> task >> block;
    CHECK(live[block] == (event == "free"));
    live[block] = event == "alloc";
  }
  for (const auto& [block, is_live] : live) CHECK_FALSE(is_live);
}

}  // namespace
