// purpose: shows that the blocks in the way of a request are neighbours with the fewest bytes.
// layer: tests; includes the driver.
// threads: one.
// invariants: none.
// RUN: %runner %build/tests/room_test
#include "driver/report/room.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "driver/language/parser.hpp"

using namespace mneme::driver;

namespace {

std::string in_the_way(std::string_view script) {
  Source source(script, "test.mn");
  Parser parser(source, {});
  Executor executor;
  for (Op op; parser.next(op);) (void)executor.step(op);
  const auto blocks = blocks_in_the_way(executor, 0, executor.oracle(0).queue().front());
  return blocks ? in_words(*blocks) : "cannot fit";
}

TEST_CASE("the neighbours with the fewest bytes are chosen") {
  CHECK(in_the_way(
            "heap 96 raw=first-fit align=8\nalloc a 40\nalloc b 8\nalloc c 24\nalloc d 32\n") ==
        "1 live block was freed (48 bytes): a");
  CHECK(in_the_way("heap 96 raw=first-fit align=8\nalloc a 40\nalloc b 8\nalloc c 24\nfree b\n"
                   "alloc d 40\n") == "1 live block was freed (32 bytes): c");
}

TEST_CASE("deferred blocks are not in the way") {
  CHECK(
      in_the_way("heap 96 raw=first-fit align=8\nalloc a 40\nalloc b 8\nalloc c 24\nfree b defer\n"
                 "alloc d 40\n") == "1 live block was freed (32 bytes): c");
}

TEST_CASE("memory that is granted but not taken yet has the name of its request") {
  CHECK(in_the_way("heap 64 align=8\nalloc a 56\nalloc b 56\nfree a\nalloc c 56\n") ==
        "1 live block was freed (64 bytes): b");
}

TEST_CASE("the block that a resize is to replace stays") {
  CHECK(in_the_way("heap 64 raw=first-fit align=8\nalloc a 8\nalloc b 8\nresize a 56\n") ==
        "cannot fit");
}

}  // namespace
