// RUN: %runner %build/tests/registry_test
// purpose: shows that heaps are found while they live, by any thread; and what the handler needs.
// layer: tests; includes registry and the heap.
// threads: the last cases start some.
// invariants: while there are more heaps than slots, the check is off.
#include "mneme/registry.hpp"

#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <cstring>
#include <memory>
#include <mneme/heap.hpp>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "support/fatal_line.hpp"

using namespace mneme;

namespace {

bool knows(const Registry& list, const HeapRecord& heap) {
  return list.find([&](const HeapRecord* each) { return each == &heap; }) == &heap;
}

TEST_CASE("a heap is known from add to remove") {
  Registry list;
  HeapRecord a;
  HeapRecord b;
  CHECK_FALSE(knows(list, a));
  list.add(&a);
  list.add(&b);
  CHECK(knows(list, a));
  CHECK(knows(list, b));
  list.remove(&a);
  CHECK_FALSE(knows(list, a));
  CHECK(knows(list, b));
  CHECK(list.is_complete());
}

TEST_CASE("heaps go in any order, and each is forgotten") {
  for (const std::array<std::size_t, 3> order : {std::array<std::size_t, 3>{0, 1, 2},
                                                 {0, 2, 1},
                                                 {1, 0, 2},
                                                 {1, 2, 0},
                                                 {2, 0, 1},
                                                 {2, 1, 0}}) {
    Registry list;
    std::array<HeapRecord, 3> heaps;
    for (const auto& heap : heaps) list.add(&heap);
    for (const std::size_t gone : order) {
      CHECK(knows(list, heaps[gone]));
      list.remove(&heaps[gone]);
      CHECK_FALSE(knows(list, heaps[gone]));
    }
  }
}

TEST_CASE("while there are more heaps than slots the registry is not complete") {
  Registry list;
  constexpr std::size_t slots = is_hardened ? 128 : 32;
  HeapRecord heaps[slots + 1];
  for (std::size_t i = 0; i < slots; ++i) list.add(&heaps[i]);
  CHECK(list.is_complete());
  for (const auto& heap : std::span(heaps).first(slots)) CHECK(knows(list, heap));
  list.add(&heaps[slots]);
  CHECK_FALSE(list.is_complete());
  CHECK_FALSE(knows(list, heaps[slots]));
  list.remove(&heaps[0]);
  CHECK_FALSE(list.is_complete());
  list.remove(&heaps[slots]);
  CHECK(list.is_complete());
  list.add(&heaps[slots]);  // a slot is free again
  CHECK(knows(list, heaps[slots]));
  for (const auto& heap : std::span(heaps).subspan(1, slots - 1)) CHECK(knows(list, heap));
}

TEST_CASE("the heap adds itself, and removes itself") {
  if constexpr (!checks_enabled) return;
  alignas(16) std::byte region[256];
  const auto of_region = [&](const HeapRecord* heap) { return heap->base == region; };
  CHECK(registry.find(of_region) == nullptr);
  {
    const Heap heap(region);
    const HeapRecord* const found = registry.find(of_region);
    REQUIRE(found != nullptr);
    CHECK(found->size_bytes == heap.capacity_bytes());
  }
  CHECK(registry.find(of_region) == nullptr);
}

TEST_CASE("heaps collide if they share a byte, unless one is inside a block of the other") {
  std::byte region[64];
  const auto record = [&](std::size_t from, std::size_t size) {
    HeapRecord heap;
    heap.base = region + from;
    heap.size_bytes = size;
    return heap;
  };
  const HeapRecord first = record(16, 32);
  const auto collide = [&](std::size_t from, std::size_t size) {
    const HeapRecord other = record(from, size);
    return other.collides_with(first);
  };
  CHECK(collide(16, 32));
  CHECK(collide(16, 8));
  CHECK(collide(8, 16));
  CHECK(collide(40, 16));
  CHECK(collide(0, 64));
  CHECK_FALSE(collide(24, 24));  // it may be in a block of the first
  CHECK(collide(24, 32));
  CHECK_FALSE(collide(0, 16));
  CHECK_FALSE(collide(48, 16));
  CHECK_FALSE(collide(20, 0));
}

TEST_CASE("an anchor is a word of the record, wherever that is") {
  if constexpr (!checks_enabled) return;
  alignas(64) std::byte place[sizeof(HeapRecord) + 64];
  for (std::size_t at = 0; at < 64; at += word_bytes) {
    auto* const heap = ::new (static_cast<void*>(place + at)) HeapRecord;
    heap->identify(nullptr, 0);
    const std::size_t anchor = heap->anchor() - header::constant;
    CHECK(anchor % header::tag_space == 0);
    const HeapRecord* found = nullptr;
    std::memcpy(&found, place + (anchor - address_of(place)), word_bytes);
    CHECK(found == heap);
  }
}

TEST_CASE("with 40 heaps at once every box still finds its own") {
  struct Own {
    alignas(16) std::byte region[128];
    Heap heap{region};
  };
  std::vector<std::unique_ptr<Own>> owns;
  for (int i = 0; i < 40; ++i) owns.push_back(std::make_unique<Own>());
  CHECK(registry.is_complete() == (!checks_enabled || is_hardened));
  for (const auto& own : owns) {
    void* const payload = own->heap.try_allocate({.size = 32});
    REQUIRE(payload != nullptr);
    CHECK(misuse::heap_of<Heap>(payload) == &own->heap);
    own->heap.free(payload, {.size = 32});
  }
}

TEST_CASE("finding a heap publishes its fields") {
  Registry list;
  HeapRecord heap;
  const std::jthread adds([&] {
    heap.size_bytes = 7;
    list.add(&heap);
  });
  const std::jthread asks([&] {  // which nothing but the registry has told of it
    while (!list.find([](const HeapRecord* each) { return each->size_bytes == 7; })) {
      std::this_thread::yield();
    }
  });
}

int heaps_needed = 0;
void exit_by_what_is_needed(const char* /*line*/) noexcept { _exit(heaps_needed == 7 ? 0 : 3); }

TEST_CASE("a fatal handler sees on any thread what was written before it was set") {
  const std::string line = test::fatal_line_of([] {
    std::thread([] {
      heaps_needed = 7;
      set_fatal_handler(&exit_by_what_is_needed);
    }).detach();
    while (detail::fatal_handler.load(std::memory_order_relaxed) != &exit_by_what_is_needed) {
      std::this_thread::yield();
    }
    FatalLine{}.stop();
  });
  CHECK(line.empty());
}

TEST_CASE("threads that come and go hide no heap that stays") {
  Registry list;
  HeapRecord stays;
  stays.size_bytes = 7;
  list.add(&stays);
  std::atomic<bool> missed{false};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 2; ++t) {
      threads.emplace_back([&] {
        HeapRecord mine[12];
        for (int round = 0; round < 300; ++round) {
          for (auto& heap : mine) {
            heap.size_bytes = 7;
            list.add(&heap);
          }
          for (auto& heap : mine) list.remove(&heap);
        }
      });
    }
    threads.emplace_back([&] {
      for (int round = 0; round < 3000; ++round) {
        if (!knows(list, stays)) missed = true;
      }
    });
  }
  CHECK_FALSE(missed);
  CHECK(list.is_complete());
  CHECK(knows(list, stays));
}

}  // namespace
