// RUN: %runner %build/tests/node_test
// purpose: shows what live, freed and resized blocks hold, by building them in a buffer.
// layer: tests; includes node.
// threads: none.
// invariants: P10: one word before the payload, two words at least.
#include "mneme/node.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <set>
#include <string>

using namespace mneme;

namespace {

/// Stands for a heap's control block: all that counts of it is its address.
struct alignas(node::tag_space) Home {
  std::byte bytes[node::tag_space];
};

struct BlockBytes {
  alignas(64) std::byte bytes[128]{};
  ~BlockBytes() { open(); }

  /// As a raw heap leaves the bytes of the blocks that it hands out.
  void open() { instrument::mark_undefined(bytes, sizeof bytes); }
};

/// How far the header of `block` leads into its heap.
std::size_t mark_of(const std::byte* block, const Home& home) {
  return address_of(node::read_tagged_heap(block)) - address_of(&home);
}

static_assert(sizeof(node::LiveNode) == word_bytes);
static_assert(sizeof(node::FreedNode) == 2 * word_bytes);
static_assert(sizeof(node::Node) == 2 * word_bytes);
static_assert(sizeof(node::Node) == BlockLayout::with_header({.size = 0, .align = 1})->size);

TEST_CASE("the payload is one word behind the block, and the header leads home") {
  Home home;
  BlockBytes buffer;
  void* const payload = node::make_live(buffer.bytes, 48, 40, &home);
  CHECK(payload == buffer.bytes + word_bytes);
  CHECK(node::block_of(payload) == buffer.bytes);
  CHECK(address_of(node::heap_address(buffer.bytes)) == address_of(&home));
  std::memset(payload, 0xFF, 40);  // all of the payload is the user's
  CHECK(address_of(node::heap_address(buffer.bytes)) == address_of(&home));
  node::end_live(buffer.bytes, 48, &home);
}

TEST_CASE("marks: each of 61 sizes in a row has its own, none is 0 or the mark of the freed") {
  if constexpr (!checks_enabled) return;
  std::set<std::size_t> marks;
  for (std::size_t words = 2; words < 2 + 61; ++words) {
    const std::size_t mark = node::size_tag(words * word_bytes);
    CHECK(mark > 0);
    CHECK(mark < node::freed_tag);
    marks.insert(mark);
  }
  CHECK(marks.size() == 61);
  // What one word cannot tell: sizes that are a multiple of 61 words apart.
  CHECK(node::size_tag(2 * word_bytes) == node::size_tag((2 + 61) * word_bytes));
}

TEST_CASE("a live block carries its size's mark; one that ended carries the mark of the freed") {
  if constexpr (!checks_enabled) return;
  Home home;
  BlockBytes buffer;
  for (std::size_t size = 16; size <= 128; size += word_bytes) {
    buffer.open();
    (void)node::make_live(buffer.bytes, size, size - word_bytes, &home);
    CHECK(mark_of(buffer.bytes, home) == node::size_tag(size));
    node::end_live(buffer.bytes, size, &home);
    CHECK(mark_of(buffer.bytes, home) == node::freed_tag);
  }
}

TEST_CASE("a freed block holds its link and its size in the first two words") {
  Home home;
  BlockBytes buffer;
  (void)node::make_live(buffer.bytes, 16, 8, &home);
  instrument::mark_undefined(buffer.bytes + 16, 112);
  (void)node::make_live(buffer.bytes + 16, 112, 100, &home);
  node::FreedNode* const small = node::make_freed(buffer.bytes, 16);
  node::FreedNode* const large = node::make_freed(buffer.bytes + 16, 112);
  CHECK(node::block_of_freed(small) == buffer.bytes);
  CHECK(node::block_of_freed(large) == buffer.bytes + 16);
  CHECK(node::load_freed(small).link == nullptr);
  CHECK(node::load_freed(small).size_bytes() == 16);
  CHECK(node::load_freed(large).size_bytes() == 112);
}

TEST_CASE(
    "a freed block is told from a live one by its second word, as long as that is plausible") {
  if constexpr (!checks_enabled) return;
  Home home;
  BlockBytes buffer;
  auto* const payload = static_cast<std::byte*>(node::make_live(buffer.bytes, 48, 40, &home));
  std::memset(payload, 0, 40);
  CHECK_FALSE(node::looks_freed(buffer.bytes, 128));
  (void)node::make_freed(buffer.bytes, 48);
  CHECK(node::looks_freed(buffer.bytes, 128));
  CHECK(node::looks_freed(buffer.bytes, 48));
  CHECK_FALSE(node::looks_freed(buffer.bytes, 40));  // larger than the whole region
}

TEST_CASE("a resized block has the new size's mark and keeps its bytes") {
  if constexpr (!checks_enabled) return;
  Home home;
  BlockBytes buffer;
  auto* const payload = static_cast<char*>(node::make_live(buffer.bytes, 24, 16, &home));
  std::memcpy(payload, "fifteen letters", 16);
  instrument::mark_undefined(buffer.bytes + 24, 40);  // as a raw heap's resize leaves them
  node::resize_live(buffer.bytes, 64, 16, 56, &home);
  CHECK(mark_of(buffer.bytes, home) == node::size_tag(64));
  CHECK(std::string(payload) == "fifteen letters");
  std::memset(payload + 16, 1, 40);
  node::resize_live(buffer.bytes, 16, 56, 8, &home);
  CHECK(mark_of(buffer.bytes, home) == node::size_tag(16));
  CHECK(std::string(payload, 8) == "fifteen ");
  node::end_live(buffer.bytes, 16, &home);
}

TEST_CASE("objects begin where they are told, with their arguments") {
  alignas(std::string) std::byte place[sizeof(std::string)];
  auto* const text = node::begin_object<std::string>(place, 3U, 'x');
  CHECK(static_cast<void*>(text) == place);
  CHECK(*text == "xxx");
  CHECK(node::as<std::string>(place) == text);
  text->~basic_string();
}

}  // namespace
