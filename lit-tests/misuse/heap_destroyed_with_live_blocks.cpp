// RUN: not --crash %program 2>&1 | %fatal
// CHECK: mneme: fatal: heap destroyed with [[#mul(6,W)]] bytes in live blocks
// purpose: shows that a heap cannot end while its blocks live.
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
  (void)heap.try_allocate(layout);
}
