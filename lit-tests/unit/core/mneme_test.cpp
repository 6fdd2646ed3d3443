// purpose: shows that the one header brings everything that a program needs.
// layer: tests; includes mneme.
// threads: one.
// invariants: nothing but mneme.hpp is included before the heap is used.
// RUN: %runner %build/tests/mneme_test
#include <mneme/mneme.hpp>
#include <mneme/raw/fault_injecting.hpp>
#include <mneme/raw/first_fit.hpp>

namespace {

using Everything =
    std::tuple<mneme::Heap, mneme::Guard<mneme::Heap>, mneme::Request<>, mneme::Allocation<>,
               mneme::Box<int>, mneme::Array<int>, mneme::FixedVec<int>, mneme::Arc<int>,
               mneme::Waker, mneme::Stats, mneme::Layout, mneme::AllocError, mneme::FirstFit,
               mneme::FaultInjecting<mneme::FirstFit>, mneme::SpinLock>;
static_assert(std::tuple_size_v<Everything> == 15);
static_assert(mneme::RawHeap<mneme::FirstFit>);
static_assert(mneme::QueueLock<mneme::SpinLock>);

/// A program's worth of use, for which no other header was needed.
bool used_all() {
  alignas(16) static std::byte region[1024];
  mneme::Heap heap{region};
  auto box = heap.make<int>(1).poll();
  auto array = heap.make_array<int>(2).poll();
  auto vec = heap.make_fixed_vec<int>(3).poll();
  auto arc = heap.make_arc<int>(4).poll();
  auto block = heap.allocate({.size = 5}).poll();
  const bool got_all = *box && *array && *vec && *arc && *block;
  return got_all && heap.counters().live == 5 && heap.validate() == nullptr;
}

}  // namespace

#include <doctest/doctest.h>

TEST_CASE("one header brings everything") { CHECK(used_all()); }
