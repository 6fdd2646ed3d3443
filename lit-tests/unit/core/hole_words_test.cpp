// RUN: %runner %build/tests/hole_words_test
// purpose: holes as they are written into a region, and what is believed of them.
// layer: tests; includes hole_words.
// threads: none.
// invariants: none.
#include <doctest/doctest.h>

#include <array>
#include <mneme/raw/hole_words.hpp>
#include <string>

#include "support/fatal_line.hpp"
#include "support/words.hpp"

using mneme::checks_enabled;
using mneme::word_bytes;
using mneme::test::operator""_words;

namespace {

using HoleWords = mneme::HoleWordsOf<mneme::BoundedForm{}>;

struct WrittenWords {
  alignas(64) std::array<std::byte, 32 * word_bytes> memory{};
  HoleWords words{memory.data()};
  std::size_t top = HoleWords::first + 32;
};

TEST_CASE("the parity of an index shows whether a payload is aligned to two words") {
  WrittenWords here;
  CHECK(here.words.parity(1) == 1);
  CHECK(here.words.parity(2) == 0);
  const HoleWords skewed(here.memory.data() + word_bytes);
  CHECK(skewed.parity(1) == 0);
  CHECK(skewed.parity(2) == 1);
  CHECK(here.words.place(3) == here.memory.data() + 2 * word_bytes);
  CHECK(here.words.index_of(here.words.place(3)) == 3);
}

TEST_CASE_FIXTURE(WrittenWords, "a hole has its size at both ends, and its links") {
  for (const std::size_t size : {1U, 2U, 3U, 9U}) {
    words.set(4 + size, mneme::header::hole_before);  // a block, whose header is 0 else
    words.write(4, size, {.next = 11, .previous = 7});
    CHECK(words.ring(4).next == 11);
    CHECK(words.ring(4).previous == 7);
    words.set_next(4, 12);
    words.set_previous(4, 8);
    CHECK(words.ring(4).next == 12);
    CHECK(words.ring(4).previous == 8);
    CHECK(words.peek_size(4, top) == size);
    CHECK(words.size_of(4, top) == size);
    CHECK(words.size_before(4 + size, top) == size);
  }
}

TEST_CASE_FIXTURE(WrittenWords, "a hole in a trie has children and a parent beside them") {
  words.set(13, mneme::header::hole_before);
  words.write(4, 9, {.next = 4, .previous = 4});
  words.set_children(4, {{13, 17}});
  words.set_parent(4, 21);
  CHECK(words.children(4).of[0] == 13);
  CHECK(words.children(4).of[1] == 17);
  CHECK(words.parent(4) == 21);
  CHECK(words.peek_size(4, top) == 9);
}

TEST_CASE_FIXTURE(WrittenWords, "what is no hole, or one whose ends disagree, has the size 0") {
  words.set(13, mneme::header::hole_before);
  words.write(4, 9, {.next = 4, .previous = 4});
  CHECK(words.peek_size(5, top) == 0);     // inside
  CHECK(words.peek_size(top, top) == 0);   // behind the last
  CHECK(words.peek_size(0, top) == 0);     // none
  CHECK(words.peek_size(4, 4 + 9) == 0);   // no block behind it
  words.set(4 + 8, std::size_t{8} << 2U);  // another size at its end
  CHECK(words.peek_size(4, top) == 0);
  if (!checks_enabled) return;
  const auto line = [](std::size_t offset) {
    return "mneme: fatal: smashed hole at offset " + std::to_string(offset) +
           ": free memory was written";
  };
  CHECK(mneme::test::fatal_line_of([&] { (void)words.size_of(4, top); }) == line(3_words));
  CHECK(mneme::test::fatal_line_of([&] { words.expect_size(4, 9, top); }) == line(3_words));
  words.write(4, 9, {.next = 4, .previous = 4});
  words.expect_size(4, 9, top);
  words.set(5, std::size_t{7} << 2U);
  CHECK(mneme::test::fatal_line_of([&] { (void)words.size_before(13, top); }) == line(11_words));
}

TEST_CASE_FIXTURE(WrittenWords, "hardened: a hole is none unless the block behind it knows of it") {
  if (!mneme::is_hardened) return;
  constexpr std::size_t heap = 0x1240;
  words.learn_header(heap);
  for (const std::size_t size : {1U, 2U, 9U}) {
    words.write(4, size, {.next = 4, .previous = 4});
    const auto size_before = [&](std::size_t behind) {
      words.set(4 + size, behind);
      return words.peek_size(4, top);
    };
    CHECK(size_before(heap | mneme::header::hole_before) == size);
    CHECK(size_before(heap | mneme::header::hole_before | mneme::header::deferred) == size);
    CHECK(size_before(heap) == 0);
    CHECK(size_before(heap | mneme::header::hole_before | mneme::header::hole) == 0);
    CHECK(size_before((heap + 64) | mneme::header::hole_before) == 0);
  }
}

TEST_CASE_FIXTURE(WrittenWords, "hardened: a hole that is unlisted forgets where others are") {
  if (!mneme::is_hardened) return;
  for (const std::size_t size : {1U, 2U, 3U, 9U}) {
    words.write(4, size, {.next = 11, .previous = 7});
    if (size > 3) {
      words.set_children(4, {{13, 17}});
      words.set_parent(4, 21);
    }
    words.wipe(4, size);
    CHECK(words.get(4) == mneme::header::hole);
    for (std::size_t at = 5; at < 4 + size; ++at) CHECK(words.get(at) == 0);
  }
}

}  // namespace
