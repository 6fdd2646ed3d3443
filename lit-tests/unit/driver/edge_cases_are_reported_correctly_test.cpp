// purpose: shows how edge cases are reported: closed heaps, empty objects, many owners.
// layer: tests; includes the driver.
// threads: one.
// invariants: only the relevant words of a transcript are compared.
// RUN: %runner %build/tests/edge_cases_are_reported_correctly_test
#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "support/driver/transcript.hpp"

using tests::transcript_of;

namespace {

/// Whether the transcript, or its summary, has these words.
bool tells(std::string_view script, std::string_view words) {
  const std::string text = transcript_of(script, nullptr, true);
  const bool found = text.contains(words);
  if (!found) MESSAGE(text);
  return found;
}

TEST_CASE("on a closed heap a try is closed, but an impossible one is refused") {
  constexpr std::string_view impossible = "heap 64 align=8\nclose\nalloc a 1M try\n";
  CHECK(tells(impossible, "alloc a 1M try -> refused: too large\n"));
  CHECK(tells(impossible, "1 refused, 0 closed"));
  constexpr std::string_view possible = "heap 64 align=8\nclose\nalloc a 8 try\n";
  CHECK(tells(possible, "alloc a 8 try -> closed\n"));
  CHECK(tells(possible, "0 refused, 1 closed"));
  CHECK(tells("heap 64 align=8\nclose\nalloc a 1M\n", "alloc a 1M -> refused: too large\n"));
}

TEST_CASE("in a deadlock the oldest remaining owner of a shared block is named") {
  constexpr std::string_view two = "heap 64 align=8\narc one\nclone one two\nalloc b 56\n";
  CHECK(tells(two, "(24 bytes): one\n"));
  CHECK(tells("heap 64 align=8\narc one\nclone one two\nclone two three\ndrop one\nalloc b 56\n",
              "(24 bytes): two\n"));
}

TEST_CASE("eight of the blocks in the way are named, and the others counted") {
  const auto blocks = [](int count) {
    std::string script = "heap " + std::to_string(count * 16) + " align=8\n";
    for (int i = 1; i <= count; ++i) script += "alloc b" + std::to_string(i) + " 8\n";
    return script + "alloc late " + std::to_string(count * 16 - 8) + "\n";
  };
  CHECK(tells(blocks(7), ": b1, b2, b3, b4, b5, b6, b7\n"));
  CHECK(tells(blocks(8), ": b1, b2, b3, b4, b5, b6, b7, b8\n"));
  CHECK(tells(blocks(9), ": b1, b2, b3, b4, b5, b6, b7, b8, and 1 more\n"));
  CHECK(tells(blocks(11), ": b1, b2, b3, b4, b5, b6, b7, b8, and 3 more\n"));
}

}  // namespace
