// purpose: shows that a picture has each block of a short run, and a bounded size for a long one.
// layer: tests; includes the driver.
// threads: one.
// invariants: how it looks is not compared.
// RUN: %runner %build/tests/picture_test
#include "driver/report/picture.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "support/driver/read_run.hpp"

using namespace mneme::driver;

namespace {

std::string picture_of(std::string_view script, ColourBy by = ColourBy::size) {
  History history;
  (void)tests::read_run(script, history);
  return draw_run(history, {.title = "<title>", .colour_by = by}).svg;
}

std::size_t count_of(std::string_view text, std::string_view word) {
  std::size_t count = 0;
  for (std::size_t at = 0; (at = text.find(word, at)) != std::string_view::npos; ++at) ++count;
  return count;
}

/// Pairs of a request and its free, `live` at a time.
std::string long_script(int pairs, int live) {
  std::string script = "heap 64K align=8\n";
  for (int i = 0; i < pairs; ++i) {
    if (i >= live) script += "free b" + std::to_string(i - live) + "\n";
    script += "alloc b" + std::to_string(i) + " " + std::to_string(8 + i % 50 * 8) + "\n";
  }
  return script;
}

TEST_CASE("the map has its stated position, and blocks are at their addresses") {
  History history;
  (void)tests::read_run("heap 1K align=8\nalloc a 504\n", history);
  const Picture picture = draw_run(history, {.title = "t"});
  CHECK(picture.svg.contains("a: 504 bytes, with its header 512 at 0; steps 2 to the end"));
  const MapArea& map = picture.map;
  // The lower half of the right half.
  CHECK(picture.svg.contains("<rect x=\"" + number_text(map.x + map.width / 2) + "\" y=\"" +
                             number_text(map.y + map.height / 2) + "\" width=\"" +
                             number_text(map.width / 2) + "\" height=\"" +
                             number_text(map.height / 2) + "\" fill"));
}

TEST_CASE("names are escaped, and a block that lasts no step is not drawn") {
  CHECK(picture_of("heap 1K\n").contains("<title>&lt;title&gt;</title>"));
  CHECK(!picture_of("heap 1K align=8 poll=auto\nalloc a 1000\nalloc b 80\nfree b\nfree a\n")
             .contains("b: 8"));
}

TEST_CASE("blocks have their names up to a number of steps, and none beyond") {
  CHECK(count_of(picture_of(long_script(80, 10)), ">b") > 50);
  const std::string overview = picture_of(long_script(100, 10));
  CHECK(count_of(overview, ">b1") == 0);
  CHECK(overview.contains(">largest hole</text>"));
}

TEST_CASE("a picture's size is bounded, whatever the run's") {
  CHECK(picture_of(long_script(20'000, 500)).size() < 1'500'000);
  CHECK(picture_of(long_script(2'000, 100), ColourBy::task).contains(">others</text>"));
}

TEST_CASE("colours are those of sizes or of tasks, and the legend has each") {
  constexpr std::string_view tasks =
      "heap 1K align=8\nalloc boot 8\ntask one\n  alloc a 40\n  free a\nend\ntask two\n"
      "  alloc b 400\n  free b\nend\n";
  const std::string by_task = picture_of(tasks, ColourBy::task);
  for (const std::string_view label : {">before the tasks<", ">one<", ">two<"}) {
    CHECK(by_task.contains(label));
  }
  const std::string by_size = picture_of(tasks, ColourBy::size);
  for (const std::string_view label : {">0–16 bytes<", ">33–64<", ">257–512<"}) {
    CHECK(by_size.contains(label));
  }
}

TEST_CASE("some of very many waits are shown, and the others counted") {
  std::string script = "heap 1K align=8\nalloc a 1000\n";
  for (int i = 0; i < 50; ++i) script += "alloc w" + std::to_string(i) + " 100\n";
  const std::string picture = picture_of(script);
  CHECK(picture.contains(">and 20 more</text>"));
  CHECK(picture.contains("w29 needs"));
  CHECK(!picture.contains("w30 needs"));
}

}  // namespace
