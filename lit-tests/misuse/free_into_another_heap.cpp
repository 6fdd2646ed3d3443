// RUN: not --crash %program 2>&1 | %fatal
// CHECK: mneme: fatal: foreign pointer: not in this heap's region
// purpose: shows that a block given to another heap than its own stops the program.
// layer: tests; includes the heap.
// threads: none.
// invariants: none but the one broken here.
#include <mneme/mneme.hpp>

namespace {

alignas(64) std::byte region[1024];
alignas(64) std::byte other_region[1024];
constexpr mneme::Layout layout{.size = 5 * mneme::word_bytes, .align = mneme::word_bytes};

}  // namespace

int main() {
  mneme::Heap heap(region);
  mneme::Heap other(other_region);
  heap.free(other.try_allocate(layout), layout);
}
