// purpose: shows containers on a heap, and that bad_alloc is thrown for want of room alone.
// layer: tests; includes mneme, its adapter and the tests' support.
// threads: several use one resource.
// invariants: each heap is whole at the end of its test.
// RUN: %runner %build/tests/pmr_test
// UNSUPPORTED: rtsan
// RealtimeSanitizer refuses the system call that wakes a thread, which neither waits nor allocates.
#include <atomic>
#include <chrono>
#include <cstddef>
#include <map>
#include <memory_resource>
#include <mneme/adapters/pmr.hpp>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "support/effort.hpp"
#include "support/names.hpp"

using namespace tests::names;
using namespace std::chrono_literals;
using mneme::HeapResource;

TEST_CASE("containers live in a heap, and give all of it back") {
  TestHeap heap(16384);
  HeapResource resource(heap);
  std::pmr::map<int, std::pmr::string> names(&resource);
  for (int i = 0; i < 50; ++i) names[i] = "a name that is too long for a small string";
  CHECK(heap.stats().live == 100);
  std::pmr::vector<std::pmr::string> copy(&resource);
  copy.push_back(names[7]);
  CHECK(copy[0].get_allocator().resource() == &resource);
}

TEST_CASE("resources are equal if their heap is the same") {
  TestHeap heap(64_words);
  TestHeap other(64_words);
  const HeapResource resource(heap);
  CHECK(resource == HeapResource(heap, {.for_room = 1s}));
  CHECK(resource != HeapResource(other));
  CHECK(resource != *std::pmr::new_delete_resource());
}

TEST_CASE("bad_alloc at once if there is no room, others wait, or there can never be any") {
  TestHeap heap(64_words);
  HeapResource resource(heap);
  CHECK_THROWS_AS((void)resource.allocate(65_words), std::bad_alloc);
  {
    const auto hog = granted(heap.allocate(bytes(40_words)));
    CHECK_THROWS_AS((void)resource.allocate(30_words), std::bad_alloc);
    auto waits = heap.allocate(bytes(30_words));
    CHECK(!waits.poll());
    CHECK_THROWS_AS((void)resource.allocate(1_words), std::bad_alloc);  // P2
    CHECK(heap.stats().waiting == 1);
  }
  heap.close();
  CHECK_THROWS_AS((void)resource.allocate(1_words), std::bad_alloc);
}

TEST_CASE("threads that lock the heap for a moment cause no failures") {
  TestHeap heap(1024_words);
  HeapResource resource(heap);
  std::atomic<int> failures{0};
  auto work = [&] {
    for (int i = 0; i < tests::rounds(3000); ++i) {
      try {
        void* const memory = resource.allocate(16);
        resource.deallocate(memory, 16);
      } catch (const std::bad_alloc&) {
        ++failures;
      }
    }
  };
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 3; ++i) threads.emplace_back(work);
  }
  CHECK(failures == 0);
}

TEST_CASE("a request waits for a long-held guard up to its limit") {
  TestHeap heap(64_words);
  HeapResource resource(heap, {.for_holder = 2ms});
  auto guard = heap.try_lock();
  CHECK_THROWS_AS((void)resource.allocate(16), std::bad_alloc);
  HeapResource patient(heap);
  std::jthread holder([held = std::move(guard)]() mutable {
    std::this_thread::sleep_for(5ms);
    held.unlock();
  });
  patient.deallocate(patient.allocate(16), 16);
}

TEST_CASE("with patience an allocation waits for room in the queue") {
  TestHeap heap(64_words);
  HeapResource resource(heap, {.for_room = 20s});
  auto hog = granted(heap.allocate(bytes(60_words)));
  std::jthread freer([&] {
    while (heap.stats().waiting == 0) std::this_thread::yield();
    hog.reset();
  });
  std::pmr::vector<std::size_t> numbers(20, &resource);
  CHECK(heap.stats().waits == 1);
  HeapResource hasty(heap, {.for_room = 1ms});
  CHECK_THROWS_AS((void)hasty.allocate(60_words), std::bad_alloc);
  CHECK(heap.stats().waiting == 0);
}
