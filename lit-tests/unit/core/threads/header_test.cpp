// RUN: %runner %build/tests/header_test
// purpose: shows the bits of a header, and that no access to one disturbs another.
// layer: tests; includes header.
// threads: the last case starts two.
// invariants: none.
#include "mneme/header.hpp"

#include <doctest/doctest.h>

#include <mneme/registry.hpp>
#include <set>
#include <thread>

using namespace mneme;

namespace {

constexpr std::size_t heap_address = 0x1240;

struct Word {
  alignas(word_bytes) std::byte bytes[word_bytes]{};
  explicit Word(std::size_t value) { header::store(bytes, value); }
};

TEST_CASE("all bits of a header are below the address, and none is shared") {
  CHECK((header::hole & header::hole_before) == 0);
  CHECK((header::hole | header::hole_before) < header::tag_space);
  if constexpr (!checks_enabled) return;
  CHECK((header::deferred & (header::hole | header::hole_before)) == 0);
  const std::size_t flags = header::hole | header::hole_before | header::deferred;
  const std::size_t tags = (header::size_tags - 1) * header::size_tag_unit;
  CHECK((tags & flags) == 0);
  CHECK((tags & header::heap_mask) == 0);
  CHECK((flags & header::heap_mask) == 0);
  CHECK((tags | flags | header::heap_mask) == SIZE_MAX);
  for (std::size_t size = 0; size < 1000; ++size) CHECK((header::size_tag(size) & ~tags) == 0);
  if (is_hardened) return;
  CHECK((tags | flags) == header::tag_space - 1);
}

TEST_CASE("hardened: what an overflow reaches first in a header is known, and no zero") {
  if constexpr (!is_hardened) return;
  const std::size_t first_bytes = SIZE_MAX >> (header::word_bits == 64 ? 16U : 8U);
  CHECK((header::heap_mask & first_bytes) == (first_bytes & ~(header::hole | header::hole_before)));
  HeapRecord record;
  CHECK(header::constant != 0);
  CHECK((record.anchor() & header::constant) == header::constant);
  CHECK((record.anchor() & ~header::heap_mask) == 0);
}

TEST_CASE("tags: each of eight sizes in a row has its own, or of 32,768") {
  const std::size_t different = is_hardened ? (header::word_bits == 64 ? 32768 : 128) : 8;
  std::set<std::size_t> tags;
  for (std::size_t words = 2; words < 2 + different; ++words) {
    tags.insert(header::size_tag(words * word_bytes));
  }
  CHECK(tags.size() == (checks_enabled ? different : 1));
  // What one word cannot tell: sizes that are a multiple of as many words apart.
  CHECK(header::size_tag(2 * word_bytes) == header::size_tag((2 + different) * word_bytes));
}

TEST_CASE("bits are set and cleared one by one") {
  Word word(heap_address);
  CHECK(header::set(word.bytes, header::hole_before) == heap_address);
  CHECK(header::load(word.bytes) == (heap_address | header::hole_before));
  CHECK(header::set(word.bytes, header::hole) == (heap_address | header::hole_before));
  header::clear(word.bytes, header::hole_before);
  CHECK(header::load(word.bytes) == (heap_address | header::hole));
  CHECK(address_of(header::load_address(word.bytes)) == heap_address);
  CHECK(header::same_heap(header::load(word.bytes), heap_address));
  CHECK_FALSE(header::same_heap(heap_address, heap_address + header::tag_space));
}

TEST_CASE("two threads that change different bits of one header lose none") {
  if constexpr (!checks_enabled) return;
  Word word(heap_address);
  for (int round = 0; round < 200; ++round) {
    header::store(word.bytes, heap_address);
    std::jthread owner([&] {
      (void)header::set(word.bytes, header::hole_before);
      header::clear(word.bytes, header::hole_before);
      (void)header::set(word.bytes, header::hole_before);
    });
    (void)header::set(word.bytes, header::deferred);
    owner.join();
    REQUIRE(header::load(word.bytes) == (heap_address | header::hole_before | header::deferred));
  }
}

}  // namespace
