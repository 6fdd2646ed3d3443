// RUN: %runner %build/tests/header_test
// purpose: shows the bits of a header, and that no access to one disturbs another.
// layer: tests; includes header.
// threads: the last case starts two.
// invariants: none.
#include "mneme/header.hpp"

#include <doctest/doctest.h>

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
  const std::size_t low = header::hole | header::hole_before | header::deferred;
  for (std::size_t size = 0; size < 1000; ++size) {
    CHECK((header::size_tag(size) & low) == 0);
    CHECK(header::size_tag(size) < header::tag_space);
  }
}

TEST_CASE("tags: each of eight sizes in a row has its own") {
  std::set<std::size_t> tags;
  for (std::size_t words = 2; words < 10; ++words) {
    tags.insert(header::size_tag(words * word_bytes));
  }
  CHECK(tags.size() == (checks_enabled ? 8 : 1));
  // What one word cannot tell: sizes that are a multiple of eight words apart.
  CHECK(header::size_tag(2 * word_bytes) == header::size_tag(10 * word_bytes));
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
