// RUN: not --crash %program 2>&1 | FileCheck %s --match-full-lines
// CHECK: mneme: fatal: wrong layout for the block at 8: freed as 136 bytes with its header
// purpose: shows that a resize looks at the size which the block is said to have.
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
  (void)heap.try_resize(heap.try_allocate(layout), {.size = 128, .align = 8}, layout);
}
