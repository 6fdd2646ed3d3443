// RUN: not --crash %program 2>&1 | FileCheck %s --match-full-lines
// CHECK: mneme: fatal: wrong layout for the block at 8: freed as 24 bytes with its header
// purpose: shows that the deferring form looks at the size as well.
// layer: tests; includes the heap.
// threads: none.
// invariants: none but the one broken here.
#include <mneme/mneme.hpp>

namespace {

alignas(64) std::byte region[1024];
constexpr mneme::Layout layout{.size = 40, .align = 8};

}  // namespace

int main() {
  mneme::Heap heap(region);
  heap.defer_free(heap.try_allocate(layout), {.size = 16, .align = 8});
}
