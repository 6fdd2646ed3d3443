// RUN: not --crash %program 2>&1 | %fatal
// CHECK: mneme: fatal: double free of the block at [[#mul(7,W)]]
// purpose: shows that a double free is found out inside of a larger hole, too.
// layer: tests; includes the heap.
// threads: none.
// invariants: none but the one broken here.
#include <mneme/mneme.hpp>

namespace {

alignas(64) std::byte region[1024];
constexpr mneme::Layout layout{.size = 5 * mneme::word_bytes, .align = mneme::word_bytes};

}  // namespace

int main() {
  mneme::Heap heap(region);
  void* const first = heap.try_allocate(layout);
  void* const second = heap.try_allocate(layout);
  heap.free(second, layout);
  heap.free(first, layout);
  heap.free(second, layout);
}
