// RUN: not --crash %program 2>&1 | %fatal
// CHECK: mneme: fatal: double free of the block at [[#W]]
// purpose: shows that two boxes of one object are found out when the second ends.
// layer: tests; includes everything.
// threads: none.
// invariants: none but the one broken here.
#include <mneme/mneme.hpp>

namespace {

alignas(64) std::byte region[1024];

}  // namespace

int main() {
  mneme::Heap heap(region);
  auto made = heap.make<int>(7).poll();
  int* const object = (*made)->leak();
  const auto first = mneme::Box<int>::from_leaked(object);
  const auto second = mneme::Box<int>::from_leaked(object);
}
