// RUN: %runner %build/tests/node_test
// purpose: shows what live, freed and resized blocks hold, by building them in a buffer.
// layer: tests; includes node.
// threads: none.
// invariants: P10: one word before the payload, two words at least.
#include "mneme/node.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <string>

using namespace mneme;

namespace {

struct BlockBytes {
  alignas(64) std::byte bytes[128]{};
  ~BlockBytes() { open(); }

  /// As a raw heap leaves the bytes of the blocks that it hands out.
  void open() { instrument::mark_undefined(bytes, sizeof bytes); }
};

static_assert(sizeof(node::LiveNode) == word_bytes);
static_assert(sizeof(node::Node) == 2 * word_bytes);
static_assert(sizeof(node::Node) == BlockLayout::with_header({.size = 0, .align = 1})->size);

TEST_CASE("the payload is one word behind the block, and is all the user's") {
  BlockBytes buffer;
  header::store(buffer.bytes, 0x1240);
  void* const payload = node::make_live(buffer.bytes, 48, 40);
  CHECK(payload == buffer.bytes + word_bytes);
  CHECK(node::block_of(payload) == buffer.bytes);
  std::memset(payload, 0xFF, 40);
  CHECK(header::load(buffer.bytes) == 0x1240);
  node::end_live(buffer.bytes, 48);
}

TEST_CASE("a freed block keeps its header, and holds its link and its size in its payload") {
  BlockBytes buffer;
  header::store(buffer.bytes, 0x1240);
  header::store(buffer.bytes + 16, 0x1280);
  (void)node::make_live(buffer.bytes, 16, 8);
  instrument::mark_undefined(buffer.bytes + 16 + word_bytes, 112 - word_bytes);
  (void)node::make_live(buffer.bytes + 16, 112, 100);
  node::FreedNode* const small = node::make_freed(buffer.bytes, 16);
  node::FreedNode* const large = node::make_freed(buffer.bytes + 16, 112);
  CHECK(node::block_of_freed(small) == buffer.bytes);
  CHECK(node::block_of_freed(large) == buffer.bytes + 16);
  CHECK(node::load_freed(small).link == nullptr);
  CHECK(node::load_freed(small).size == 16);
  CHECK(node::load_freed(large).link == nullptr);
  CHECK(node::load_freed(large).size == 112);
  node::set_link(small, large);
  node::set_link(large, small);
  CHECK(node::load_freed(small).link == large);
  CHECK(node::load_freed(small).size == 16);
  CHECK(node::load_freed(large).link == small);
  CHECK(node::load_freed(large).size == 112);
  node::set_link(small, nullptr);
  CHECK(node::load_freed(small).link == nullptr);
  CHECK(node::load_freed(small).size == 16);
  CHECK(header::load(buffer.bytes) == 0x1240);
  CHECK(header::load(buffer.bytes + 16) == 0x1280);
}

TEST_CASE("a resized block keeps its bytes") {
  BlockBytes buffer;
  auto* const payload = static_cast<char*>(node::make_live(buffer.bytes, 24, 16));
  std::memcpy(payload, "fifteen letters", 16);
  instrument::mark_undefined(buffer.bytes + 24, 40);  // as a raw heap's resize leaves them
  node::resize_live(buffer.bytes, 64, 16, 56);
  CHECK(std::string(payload) == "fifteen letters");
  std::memset(payload + 16, 1, 40);
  node::resize_live(buffer.bytes, 16, 56, 8);
  CHECK(std::string(payload, 8) == "fifteen ");
  node::end_live(buffer.bytes, 16);
}

TEST_CASE("objects are constructed at the given place, with their arguments") {
  alignas(std::string) std::byte place[sizeof(std::string)];
  auto* const text = node::begin_object<std::string>(place, 3U, 'x');
  CHECK(static_cast<void*>(text) == place);
  CHECK(*text == "xxx");
  CHECK(node::object_at<std::string>(place) == text);
  text->~basic_string();
}

}  // namespace
