// purpose: a program that passes a heap to a function in another file, which PLUGIN selects.
// layer: tests; includes mneme.
// threads: one.
// invariants: none.
#include <mneme/mneme.hpp>

bool use(mneme::Heap& heap);

#ifdef PLUGIN
bool use(mneme::Heap& heap) {
  void* const payload = heap.try_allocate({.size = 24});
  if (payload != nullptr) heap.free(payload, {.size = 24});
  return payload != nullptr;
}
#else
int main() {
  static std::byte region[1024];
  mneme::Heap heap{region};
  return use(heap) ? 0 : 1;
}
#endif
