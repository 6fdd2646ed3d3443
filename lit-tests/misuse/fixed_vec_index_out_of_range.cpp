// RUN: not --crash %program 2>&1 | %fatal
// CHECK: mneme: fatal: FixedVec: index out of range
// purpose: shows that an index below the capacity, but above the size, stops it.
// layer: tests; includes everything.
// threads: none.
// invariants: none but the one broken here.
#include <mneme/mneme.hpp>

namespace {

alignas(64) std::byte region[1024];

}  // namespace

int main() {
  mneme::Heap heap(region);
  auto made = heap.make_fixed_vec<int>(4).poll();
  (void)(*made)->push(1);
  (**made)[1] = 7;
}
