// RUN: not --crash %program 2>&1 | %fatal
// CHECK: mneme: fatal: foreign pointer: not in this heap's region
// purpose: shows that memory which is not in the region stops the program.
// layer: tests; includes the heap.
// threads: none.
// invariants: none but the one broken here.
#include <mneme/mneme.hpp>

namespace {

alignas(64) std::byte region[1024];
alignas(64) std::byte elsewhere[128];
constexpr mneme::Layout layout{.size = 5 * mneme::word_bytes, .align = mneme::word_bytes};

}  // namespace

int main() {
  mneme::Heap heap(region);
  heap.free(&elsewhere[64], layout);
}
