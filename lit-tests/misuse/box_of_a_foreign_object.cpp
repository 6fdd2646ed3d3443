// RUN: not --crash %program 2>&1 | %fatal
// CHECK: mneme: fatal: foreign pointer: not in any heap's region
// purpose: shows that a box of an object which no heap gave stops the program.
// layer: tests; includes everything.
// threads: none.
// invariants: none but the one broken here.
#include <mneme/mneme.hpp>

namespace {

alignas(64) std::byte region[1024];
long numbers[2] = {0, 7};

}  // namespace

int main() {
  mneme::Heap heap(region);
  (void)mneme::Box<long>::from_leaked(&numbers[1]);
}
