// RUN: not --crash %program 2>&1 | %fatal
// CHECK: mneme: fatal: use of a guard that holds no heap
// purpose: shows that a guard which did not get the heap is found out when it is used all the same.
// layer: tests; includes everything.
// threads: none.
// invariants: none but the one broken here.
#include <mneme/mneme.hpp>

namespace {

alignas(64) std::byte region[1024];

}  // namespace

int main() {
  mneme::Heap heap(region);
  const auto first = heap.try_lock();
  auto second = heap.try_lock();
  (void)second.allocate({.size = 8});
}
