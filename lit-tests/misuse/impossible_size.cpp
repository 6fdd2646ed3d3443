// RUN: not --crash %program 2>&1 | %fatal
// CHECK: mneme: fatal: wrong layout for the block at [[#W]]
// purpose: shows that a block freed with a size that no memory has stops the program.
// layer: tests; includes the heap.
// threads: none.
// invariants: none but the one broken here.
#include <cstdint>
#include <mneme/mneme.hpp>

namespace {

alignas(64) std::byte region[1024];
constexpr mneme::Layout layout{.size = 5 * mneme::word_bytes, .align = mneme::word_bytes};

}  // namespace

int main() {
  mneme::Heap heap(region);
  heap.free(heap.try_allocate(layout), {.size = SIZE_MAX, .align = mneme::word_bytes});
}
