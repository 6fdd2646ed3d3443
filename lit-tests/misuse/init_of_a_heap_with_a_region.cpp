// RUN: not --crash %program 2>&1 | %fatal
// CHECK: mneme: fatal: init of a heap that has its region
// purpose: shows that a heap gets its region once.
// layer: tests; includes the heap.
// threads: none.
// invariants: none but the one broken here.
#include <mneme/mneme.hpp>

namespace {

alignas(64) std::byte region[1024];
alignas(64) std::byte other_region[1024];
constinit mneme::Heap heap;

}  // namespace

int main() {
  heap.init(region);
  heap.init(other_region);
}
