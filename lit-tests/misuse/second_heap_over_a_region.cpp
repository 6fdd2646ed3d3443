// RUN: not --crash %program 2>&1 | %fatal
// CHECK: mneme: fatal: heap over a region that another heap has
// purpose: shows that two heaps cannot share a region.
// layer: tests; includes the heap.
// threads: none.
// invariants: none but the one broken here.
#include <mneme/mneme.hpp>
#include <span>

namespace {

alignas(64) std::byte region[1024];

}  // namespace

int main() {
  const mneme::Heap heap(region);
  const mneme::Heap second{std::span{region}.first(512)};
}
