// RUN: not --crash %program 2>&1 | %fatal
// CHECK: mneme: fatal: Array: index out of range
// purpose: shows that the index behind the last element of an array stops the program.
// layer: tests; includes everything.
// threads: none.
// invariants: none but the one broken here.
#include <mneme/mneme.hpp>

namespace {

alignas(64) std::byte region[1024];

}  // namespace

int main() {
  mneme::Heap heap(region);
  auto made = heap.make_array<int>(4).poll();
  (**made)[made->value().size()] = 7;
}
