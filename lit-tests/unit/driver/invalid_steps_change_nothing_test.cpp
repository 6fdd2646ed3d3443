// purpose: shows that a caller which skips an invalid step, as fuzzers do, finds nothing changed.
// layer: tests; includes the driver.
// threads: one.
// invariants: none.
// RUN: %runner %build/tests/invalid_steps_change_nothing_test
#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "support/driver/transcript.hpp"

using tests::transcript_of;

namespace {

constexpr std::string_view before =
    "heap 128 align=8\nalloc whole 120\nalloc later 56\narray numbers 2\nfree whole\n";
constexpr std::string_view behind = "expect later granted\npoll\nstat\nfree later\nfree numbers\n";

TEST_CASE("a step of the wrong kind on a granted name does not resume its task") {
  const std::string right = std::string(before) + std::string(behind);
  const std::string expected = transcript_of(right);
  CHECK(expected.contains("poll -> ran later, numbers"));
  for (const std::string_view bad :
       {"push later\n", "clone later more\n", "resize numbers 4\n", "free numbers defer\n",
        "push numbers\n", "alloc another 8 guard\n", "free nobody\n", "unlock\n"}) {
    CAPTURE(bad);
    int skipped = 0;
    CHECK(transcript_of(std::string(before) + std::string(bad) + std::string(behind), &skipped) ==
          expected);
    CHECK(skipped == 1);
  }
}

}  // namespace
