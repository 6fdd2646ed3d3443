// RUN: not --crash %program 2>&1 | %fatal -D#AS=$((9 * %word))
// CHECK: mneme: fatal: wrong layout for the block at [[#W]]: freed as [[#AS]] bytes with its header
// purpose: shows that a vector taken over with another capacity stops the program.
// layer: tests; includes everything.
// threads: none.
// invariants: none but the one broken here.
#include <mneme/mneme.hpp>

namespace {

alignas(64) std::byte region[1024];

}  // namespace

int main() {
  mneme::Heap heap(region);
  auto made = heap.make_fixed_vec<long>(4).poll();
  const auto neighbour = heap.make_fixed_vec<long>(4).poll();
  const auto parts = (*made)->leak();
  (void)mneme::FixedVec<long>::from_leaked({parts.data, parts.size, 2 * parts.capacity});
}
