// RUN: not --crash %program 2>&1 | %fatal -D#AS=$((17 * %word))
// CHECK: mneme: fatal: wrong layout for the block at [[#W]]: freed as [[#AS]] bytes with its header
// purpose: shows that a resize looks at the size which the block is said to have.
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
  (void)heap.try_resize(heap.try_allocate(layout),
                        {.size = 16 * mneme::word_bytes, .align = mneme::word_bytes}, layout);
}
