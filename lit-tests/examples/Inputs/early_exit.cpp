// purpose: a program that ends by exit() while blocks of a static heap live.
// layer: tests; includes mneme.
// threads: one.
// invariants: what is destroyed after the heap still finds it.
#include <cstdio>
#include <cstdlib>
#include <mneme/mneme.hpp>

namespace {

mneme::Box<int> outlives_the_heap;  // destroyed after it, as it was constructed before
alignas(16) std::byte region[1024];
mneme::Heap heap{region};

}  // namespace

int main(int argc, char** /*argv*/) {
  outlives_the_heap = **heap.make<int>(1).poll();
  const auto box = *heap.make<int>(7).poll();
  auto request = heap.allocate({.size = 1000});
  if (argc == 1 && !request.poll()) {
    std::fputs("usage: early_exit ARGUMENT\n", stderr);
    std::exit(2);
  }
  return **box;
}
