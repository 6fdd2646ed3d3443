// purpose: shows that a history has the spans of blocks and waits, however they begin and end.
// layer: tests; includes the driver.
// threads: one.
// invariants: none.
// RUN: %runner %build/tests/history_test
#include "driver/report/history.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "support/driver/read_run.hpp"

using namespace mneme::driver;

namespace {

std::string until(StepNumber to) { return to == not_ended ? std::string() : std::to_string(to); }

/// `a 8+48 2-5`: name, offset and size, and its first and last step; `~`: the step from which it is
/// deferred.
std::string blocks_of(std::string_view script) {
  History history;
  (void)tests::read_run(script, history);
  std::string text;
  for (const BlockSpan& block : history.blocks()) {
    text += block.name + ' ' + std::to_string(block.offset) + '+' + std::to_string(block.size) +
            ' ' + std::to_string(block.from) + '-' + until(block.to);
    if (block.deferred_from != not_ended) text += '~' + std::to_string(block.deferred_from);
    text += "; ";
  }
  return text;
}

std::string waits_of(std::string_view script) {
  History history;
  (void)tests::read_run(script, history);
  std::string text;
  for (const WaitSpan& wait : history.waits()) {
    text += wait.name + ' ' + std::to_string(wait.from) + '-' + until(wait.to) + " needs " +
            std::to_string(wait.need) + " lacks " + std::to_string(wait.lacks) + " behind " +
            std::to_string(wait.before) + " end " + std::to_string(static_cast<int>(wait.end)) +
            "; ";
  }
  return text;
}

TEST_CASE("a block lasts from its grant until it is freed, or for ever") {
  CHECK(blocks_of("heap 128 align=8\nalloc a 40\nalloc b 8\nfree a\n") ==
        "a 0+48 2-4; b 48+16 3-; ");
  CHECK(blocks_of("heap 64 align=8\nalloc a 40\nalloc b 40\nfree a\nfree b\n") ==
        "a 0+48 2-4; b 0+48 4-5; ");
  CHECK(blocks_of("heap 128 align=8\narray a 2\nvec v 1\narc c\n") ==
        "a 0+24 2-; v 24+16 3-; c 40+24 4-; ");
}

TEST_CASE("a deferred block is in the way until it is reclaimed") {
  CHECK(blocks_of("heap 64 align=8\nalloc a 40\nfree a defer\nstat\npoll\n") == "a 0+48 2-5~3; ");
  CHECK(blocks_of("heap 64 align=8\nalloc a 8\nlock\nfree a\nunlock\n") == "a 0+16 2-5~4; ");
  CHECK(blocks_of("heap 64 align=8\nalloc a 8\nlock\nfree a\n") == "a 0+16 2-~4; ");
}

TEST_CASE("heaps are one behind the other") {
  History history;
  (void)tests::read_run(
      "heap 64 align=8\nheap dma 32 align=8\nalloc a 8 in dma\nalloc b 8\nfree a\n"
      "alloc c 24 in dma\nresize c 8\nalloc d 64\n",
      history);
  std::string text;
  for (const BlockSpan& block : history.blocks()) {
    text += block.name + history.where(block.heap) + " at " +
            std::to_string(history.place_of(block)) + "; ";
  }
  CHECK(text == "a in dma at 64; b at 0; c in dma at 64; c in dma at 64; ");
  CHECK(history.start_of(1) == 64);
  CHECK(history.capacity_bytes() == 96);
  CHECK(history.behind(6).used == 16 + 32);
  CHECK(history.behind(6).largest_hole == 48);
}

TEST_CASE("the region ends farther behind from each extension on") {
  History history;
  (void)tests::read_run("heap 64\nstat\nextend 16\nlock\nextend 8\nunlock\nextend 8\n", history);
  std::string text;
  for (const auto& end : history.region_ends(0)) {
    text += std::to_string(end.bytes) + " from " + std::to_string(end.from) + "; ";
  }
  CHECK(text == "64 from 1; 80 from 3; 88 from 7; ");
  CHECK(history.capacity_bytes() == 88);
}

TEST_CASE("a resize ends one span and begins another") {
  CHECK(blocks_of("heap 128 align=8\nalloc a 8\nresize a 40\nfree a\n") ==
        "a 0+16 2-3; a 0+48 3-4; ");
  CHECK(blocks_of("heap 128 raw=first-fit align=8\nalloc a 8\nalloc b 8\nresize a 40\n") ==
        "a 0+16 2-4; b 16+16 3-; a 32+48 4-; ");
  // It waits, is granted by the free, and moves once its task runs.
  constexpr std::string_view waits =
      "heap 96 raw=first-fit align=8\nalloc a 8\nalloc b 56\nresize a 40\nfree b\npoll\nfree a\n";
  CHECK(blocks_of(waits) == "a 0+16 2-6; b 16+64 3-5; a 16+48 5-7; ");
  CHECK(waits_of(waits) == "a 4-5 needs 48 lacks 32 behind 0 end 1; ");
}

TEST_CASE("a block that is cancelled before its task ran is freed") {
  CHECK(blocks_of("heap 64 align=8\nalloc a 40\nalloc b 40\nfree a\ncancel b\n") ==
        "a 0+48 2-4; b 0+48 4-5; ");
  CHECK(blocks_of("heap 96 raw=first-fit align=8\nalloc a 8\nalloc b 56\nresize a 40\nfree b\n"
                  "cancel a\nfree a\n") == "a 0+16 2-7; b 16+64 3-5; a 16+48 5-6; ");
}

TEST_CASE("a block with several owners ends with the last, though its first name is used again") {
  CHECK(blocks_of("heap 128 align=8\narc a\nclone a b\ndrop a\nalloc a 8\nfree a\ndrop b\n") ==
        "a 0+24 2-7; a 24+16 5-6; ");
  // While it is still there, a wait of the first name is not one of its resize.
  CHECK(blocks_of("heap 64 align=8\narc a\nclone a b\ndrop a\nalloc c 32\nalloc a 16\nfree c\n"
                  "poll\nfree a\ndrop b\n") == "a 0+24 2-10; c 24+40 5-7; a 24+24 7-9; ");
}

TEST_CASE(
    "a wait lacks the bytes by which its block exceeds the largest hole, or has others before it") {
  CHECK(waits_of("heap 64 align=8\nalloc a 40\nalloc b 40\nalloc c 8\nfree a\n") ==
        "b 3-5 needs 48 lacks 32 behind 0 end 1; c 4-5 needs 16 lacks 0 behind 1 end 1; ");
  CHECK(waits_of("heap 64 align=8\nalloc a 40\nalloc b 40\ncancel b\n") ==
        "b 3-4 needs 48 lacks 32 behind 0 end 2; ");
  CHECK(waits_of("heap 64 align=8\nalloc a 40\nalloc b 40\nclose\n") ==
        "b 3-4 needs 48 lacks 32 behind 0 end 3; ");
  CHECK(waits_of("heap 64 align=8\nalloc a 40\nalloc b 40 try\n") ==
        "b 3-3 needs 48 lacks 0 behind 0 end 4; ");
}

TEST_CASE("the lack of a request that waits for ever is that at the end of the run") {
  CHECK(waits_of("heap 64 raw=first-fit align=8\nalloc a 8\nalloc b 24\nalloc c 40\nfree b\n") ==
        "c 4-5 needs 48 lacks 32 behind 0 end 1; ");
  CHECK(waits_of("heap 64 raw=first-fit align=8\nalloc a 24\nalloc b 24\nalloc c 40\nfree b\n") ==
        "c 4- needs 48 lacks 16 behind 0 end 0; ");
}

TEST_CASE("the heap behind each step, and steps of tasks that are none of the heap") {
  History history;
  (void)tests::read_run(
      "heap 64 align=8\nsemaphore go 0\ntask one\n  alloc a 40\n  signal go\n  free a\nend\n"
      "task two\n  wait go\n  alloc b 40\n  free b\nend\n",
      history);
  REQUIRE(history.steps() == 7);
  CHECK(history.has_tasks());
  CHECK(history.text_of(2).text == "alloc one.a 40");
  CHECK(history.tasks()[history.text_of(2).task] == "one");
  CHECK(history.text_of(3).text == "signal go");
  CHECK(history.behind(2).used == 48);
  CHECK(history.behind(2).largest_hole == 16);
  CHECK(history.behind(3).used == 48);
  CHECK(history.behind(7).used == 0);
}

TEST_CASE("steps beyond the limit are left out") {
  History history(3);
  (void)tests::read_run("heap 64 align=8\nalloc a 8\nalloc b 8\nfree a\nfree b\n", history);
  CHECK(history.is_cut());
  CHECK(history.steps() == 3);
  CHECK(history.blocks()[0].to == not_ended);
}

}  // namespace
