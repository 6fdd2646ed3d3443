// purpose: a program that includes one header of mneme, HEADER.
// layer: tests; includes what HEADER names.
// threads: one.
// invariants: none.
#include HEADER

int main() {
  alignas(16) static std::byte region[1024];
  mneme::Heap heap{region};
  auto box = heap.make<int>(1).poll();
  auto array = heap.make_array<int>(2).poll();
  auto vec = heap.make_fixed_vec<int>(3).poll();
  auto arc = heap.make_arc<int>(4).poll();
  auto block = heap.allocate({.size = 5}).poll();
  return box && array && vec && arc && block && heap.stats().live == 5 && heap.try_lock() ? 0 : 1;
}
