// purpose: shows that requests are counted by size, by how long they waited and behind how many.
// layer: tests; includes the driver.
// threads: one.
// invariants: none.
// RUN: %runner %build/tests/wait_histograms_test
#include "driver/report/wait_histograms.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "support/driver/read_run.hpp"

using namespace mneme::driver;

namespace {

std::string in_text(const Histogram& histogram) {
  std::string text;
  histogram.for_each([&](const std::string& range, std::uint64_t count) {
    text += range + ':' + std::to_string(count) + ' ';
  });
  return text;
}

SizeStats stats_of(std::string_view script, std::uint64_t size_class) {
  WaitHistograms waits;
  (void)tests::read_run(script, waits);
  REQUIRE(waits.sizes().contains(size_class));
  return waits.sizes().at(size_class);
}

TEST_CASE("ranges double, and hold each number once") {
  Histogram histogram;
  for (const std::uint64_t value : {0U, 1U, 2U, 3U, 4U, 7U, 8U}) histogram.add(value);
  histogram.add(~std::uint64_t{0});
  CHECK(in_text(histogram) ==
        "0:1 1:1 2-3:2 4-7:2 8-15:1 9223372036854775808-18446744073709551615:1 ");
}

TEST_CASE("size classes double, and are named by their largest size") {
  CHECK(size_class_of(0) == 16);
  CHECK(size_class_of(16) == 16);
  CHECK(size_class_of(17) == 32);
  CHECK(size_class_of(32) == 32);
  CHECK(size_class_of(~std::uint64_t{0}) == ~std::uint64_t{0});
  CHECK(size_class_text(16) == "0–16");
  CHECK(size_class_text(64) == "33–64");
}

TEST_CASE("a request waits for the number of steps between it and its grant") {
  const SizeStats stats = stats_of(
      "heap 64 align=8\nalloc a 40\nalloc b 40\nalloc c 40\nstat\nfree a\npoll\nfree b\n", 64);
  CHECK(stats.requests == 3);
  CHECK(in_text(stats.wait_steps) == "0:1 2-3:1 4-7:1 ");  // b: 3, c: 4
  CHECK(in_text(stats.queue_depth) == "0:2 1:1 ");
  CHECK(stats.longest_wait == 4);
  CHECK(stats.still_waiting == 0);
}

TEST_CASE("what is refused, cancelled or still waiting has no wait time") {
  const SizeStats stats = stats_of(
      "heap 64 align=8\nalloc a 40\nalloc b 40\ncancel b\nalloc c 40\nalloc d 40 try\n", 64);
  CHECK(stats.requests == 4);
  CHECK(stats.refused == 1);
  CHECK(stats.still_waiting == 1);
  CHECK(in_text(stats.wait_steps) == "0:1 ");
  CHECK(in_text(stats.queue_depth) == "0:3 ");
}

TEST_CASE("the sizes of arrays, arcs and resizes are those of their payloads") {
  CHECK(stats_of("heap 1K align=8\narray a 9\n", 128).requests == 1);
  CHECK(stats_of("heap 1K align=8\narc a\n", 16).requests == 1);
  CHECK(stats_of("heap 1K raw=first-fit align=8\nalloc a 8\nalloc b 8\nresize a 200\n", 256)
            .requests == 1);
}

}  // namespace
