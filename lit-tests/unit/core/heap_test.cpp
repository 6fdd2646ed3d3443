// purpose: shows that heap.hpp alone is a whole heap.
// layer: tests; includes heap.
// threads: one.
// invariants: nothing of mneme but heap.hpp is included.
// RUN: %runner %build/tests/heap_test
#include <mneme/heap.hpp>

namespace {

/// What each member of a heap gives, used before any other header is seen.
std::size_t live_of_all() {
  alignas(16) static std::byte region[1024];
  mneme::Heap heap{region};
  auto box = heap.make<int>(1).poll();
  auto array = heap.make_array<int>(2).poll();
  auto vec = heap.make_fixed_vec<int>(3).poll();
  auto arc = heap.make_arc<int>(4).poll();
  auto block = heap.allocate({.size = 5}).poll();
  if (!*box || !*array || !*vec || !*arc || !*block || !heap.try_lock()) return 0;
  return heap.validate() == nullptr && heap.stats().largest_free_bytes > 0 ? heap.stats().live : 0;
}

}  // namespace

#include <doctest/doctest.h>

TEST_CASE("heap.hpp alone is a whole heap") { CHECK(live_of_all() == 5); }
