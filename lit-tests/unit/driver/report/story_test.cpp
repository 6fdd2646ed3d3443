// purpose: shows that the story of a request says why it waited, and what changed meanwhile.
// layer: tests; includes the driver.
// threads: one.
// invariants: none.
// RUN: %runner %build/tests/story_test
#include "driver/report/story.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "support/driver/read_run.hpp"

using mneme::driver::Story;

namespace {

std::string story_of(std::string_view script, const std::string& name) {
  Story story(name);
  (void)tests::read_run(script, story);
  return story.text().value_or("none" + story.nearest_name());
}

bool tells(const std::string& story, std::string_view words) {
  if (!story.contains(words)) MESSAGE(story);
  return story.contains(words);
}

std::size_t lines_of(const std::string& text) {
  return static_cast<std::size_t>(std::ranges::count(text, '\n'));
}

TEST_CASE("a request waits for more bytes than are free, for one piece, or for its turn") {
  const std::string too_few = story_of("heap 64 align=8\nalloc a 40\nalloc b 40\nfree a\n", "b");
  CHECK(tells(too_few, "b: step 3, line 3, `alloc b 40`: waits\n"));
  CHECK(tells(too_few,
              "It needs 48 bytes in one piece, its header included. 16 bytes are free, 16 "
              "in one piece: not enough is free.\n  It is the first in the queue.\n"
              "  There would be room if 1 live block was freed (48 bytes): a.\n"));
  CHECK(tells(too_few, "step 4, line 4, `free a`: granted at 8, after 1 step\n"));

  const std::string holes = story_of(
      "heap 96 raw=first-fit align=8\nalloc a 24\nalloc b 24\nalloc c 24\nfree a\nfree c\n"
      "alloc d 72\nfree b\n",
      "d");
  CHECK(tells(holes, "64 bytes are free, 32 in one piece: not enough is free."));
  CHECK(tells(story_of("heap 96 raw=first-fit align=8\nalloc a 24\nalloc b 24\nalloc c 24\nfree a\n"
                       "free c\nalloc d 48\n",
                       "d"),
              "64 bytes are free, 32 in one piece: enough is free, but not in one piece."));

  const std::string turn =
      story_of("heap 64 align=8\nalloc a 40\nalloc b 40\nalloc c 8\nalloc d 8\nfree a\n", "d");
  CHECK(tells(turn,
              "there is room, but it is not its turn: b, which is first, needs 48 bytes.\n"
              "  Ahead of it: b (48 bytes), c (16 bytes).\n"));
}

TEST_CASE("each change during a wait is shown, with the reason why the wait continues") {
  const std::string story = story_of(
      "heap 96 raw=first-fit align=8\nalloc a 24\nalloc b 24\nalloc c 24\nalloc d 80\nexpect used "
      "96\nfree a\nfree b\nfree c\n",
      "d");
  CHECK(tells(story, "nothing is free: not enough is free.\n"));
  CHECK(tells(story,
              "step 7, line 7, `free a`: 32 bytes are free, 32 in one piece: not enough is "
              "free\n"));
  CHECK(tells(story, "step 9, line 9, `free c`: granted at 8, after 4 steps\n"));
  CHECK(!story.contains("line 6"));  // changed nothing
}

TEST_CASE("a locked heap and deferred frees are reasons, too") {
  const std::string story =
      story_of("heap 64 align=8\nalloc a 8\nlock\nalloc b 8\nfree a\nunlock\n", "b");
  CHECK(tells(story, "the heap has been locked since line 3.\n"));
  CHECK(tells(story, "`unlock`: granted at "));
  CHECK(
      tells(story_of("heap 64 align=8\nalloc a 40\nalloc b 40\nfree a defer\npoll\n", "b"),
            "`free a defer`: 16 bytes are free, 16 in one piece: what was freed is deferred until "
            "a poll or an unlock\n"));
}

TEST_CASE("each way in which a request can end is shown") {
  CHECK(tells(story_of("heap 64 align=8\nalloc a 8\nfree a\n", "a"),
              "granted at once, at 8: it never waited\n  step 3, line 3, `free a`: freed\n"));
  CHECK(tells(story_of("heap 64 align=8\nalloc a 1K\n", "a"),
              "refused: too large\n  Even empty, a heap of 64 bytes has no room for it.\n"));
  CHECK(tells(story_of("heap 64 align=8\nalloc a 40\nalloc b 40 try\n", "b"),
              "refused: would wait\n  0 requests wait; 16 bytes are free, 16 in one piece.\n"));
  CHECK(tells(story_of("heap 64 align=8\nalloc a 40\nalloc b 40\ncancel b\n", "b"),
              "`cancel b`: cancelled\n"));
  CHECK(tells(story_of("heap 64 align=8\nalloc a 40\nalloc b 40\nclose\n", "b"),
              "`close`: ended because the heap was closed\n"));
  CHECK(tells(story_of("heap 64 align=8\nalloc a 40\nalloc b 40\n", "b"),
              "  At the end it still waits: not enough is free.\n  There would be room if 1 live "
              "block was freed (48 bytes): a.\n"));
}

TEST_CASE("a name that is used again has a story for each use, a resize one of its own") {
  const std::string story =
      story_of("heap 64 align=8\nalloc a 8\nfree a\nalloc b 40\nalloc a 40\n", "a");
  CHECK(story.starts_with("a is requested 2 times.\n\na: step 2"));
  CHECK(tells(story, "\n\na: step 5, line 5, `alloc a 40`: waits\n"));
  const std::string moved = story_of(
      "heap 96 raw=first-fit align=8\nalloc a 8\nalloc b 56\nresize a 40\nfree b\npoll\n", "a");
  CHECK(tells(moved, "a: step 4, line 4, `resize a 40`: waits\n"));
  CHECK(
      tells(moved, "`free b`: granted at 24, after 1 step\n  step 6, line 6, a runs: moved to 24"));
}

TEST_CASE("the first and last changes of a long wait are shown, and the others counted") {
  std::string script = "heap 4K raw=first-fit align=8\n";
  for (int i = 0; i < 100; ++i) script += "alloc b" + std::to_string(i) + " 8\n";
  script += "alloc big 4000\n";
  for (int i = 0; i < 100; ++i) script += "free b" + std::to_string(i) + "\n";
  const std::string story = story_of(script, "big");
  CHECK(lines_of(story) < 25);
  CHECK(tells(story, "line 110, `free b7`"));
  CHECK(tells(story, "  … "));
  CHECK(tells(story, " granted at 8, after "));
}

TEST_CASE("for an unknown name the nearest one is suggested") {
  CHECK(story_of("heap 64\nalloc packet 8\n", "paket") == "none; did you mean 'packet'?");
  CHECK(story_of("heap 64\nalloc packet 8\n", "xyz") == "none");
}

TEST_CASE("steps of tasks have their task's name, and all are counted") {
  const std::string story = story_of(
      "heap 64 align=8\nsemaphore go 0\ntask one\n  alloc a 40\n  signal go\n  free a\nend\n"
      "task two\n  wait go\n  alloc b 40\n  free b\nend\n",
      "two.b");
  CHECK(tells(story, "two.b: step "));
  CHECK(tells(story, ", two, line 10, `alloc two.b 40`: "));
}

}  // namespace
