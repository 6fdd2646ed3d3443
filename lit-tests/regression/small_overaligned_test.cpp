// RUN: %runner %build/tests/small_overaligned_test
// purpose: shows that a payload smaller than a word keeps its alignment, wherever it comes to lie.
// layer: tests; includes everything.
// threads: none.
// invariants: the heap is as new at the end.
#include <doctest/doctest.h>

#include <cstdint>
#include <span>
#include <vector>

#include "support/tasks.hpp"

using namespace mneme;

namespace {

TEST_CASE("sizes 0 to 9 with alignments up to 4096, side by side and after one another") {
  alignas(4096) static std::byte region[64 * 1024];
  Heap heap(region);
  for (std::size_t size = 0; size < 10; ++size) {
    for (std::size_t align = 1; align <= 4096; align *= 2) {
      const Layout layout{.size = size, .align = align};
      std::vector<void*> blocks;
      for (int i = 0; i < 8; ++i) {
        void* const payload = heap.try_allocate(layout);
        REQUIRE(payload != nullptr);
        CHECK(address_of(payload) % align == 0);
        blocks.push_back(payload);
      }
      for (void* const payload : blocks) heap.free(payload, layout);
      REQUIRE(tests::whole(heap));
    }
  }
}

TEST_CASE(
    "an over-aligned byte in a box, an array and a vector, in a region that begins anywhere") {
  struct alignas(64) Byte {
    std::uint8_t value = 7;
  };
  alignas(64) std::byte memory[1024 + 64];
  for (std::size_t skew = 0; skew < 64; ++skew) {
    Heap heap{std::span(memory).subspan(skew, 1024)};
    {
      auto box = heap.make<Byte>().poll();
      CHECK(address_of((*box)->get()) % 64 == 0);
      auto array = heap.make_array<Byte>(3).poll();
      for (auto& each : **array) CHECK(address_of(&each) % 64 == 0);
      auto vec = heap.make_fixed_vec<Byte>(2).poll();
      CHECK(address_of((*vec)->push()) % 64 == 0);
      auto arc = heap.make_arc<Byte>().poll();
      CHECK(address_of((*arc)->get()) % 64 == 0);
    }
    CHECK(tests::whole(heap));
  }
}

}  // namespace
