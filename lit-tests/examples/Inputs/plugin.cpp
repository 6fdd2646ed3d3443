// purpose: both sides of a program with a shared object, which PLUGIN selects.
// layer: tests; includes mneme.
// threads: one.
// invariants: each side frees what the other allocated, and drops what the other made.
#include <cstdio>
#include <mneme/mneme.hpp>

#define EXPORTED extern "C" [[gnu::visibility("default")]]

EXPORTED void* plugin_allocate(mneme::Heap* heap);
EXPORTED void plugin_free(mneme::Heap* heap, void* payload);
EXPORTED int* plugin_make(mneme::Heap* heap);
EXPORTED void plugin_drop(int* leaked);

static constexpr mneme::Layout layout{.size = 24, .align = 8};

#ifdef PLUGIN
void* plugin_allocate(mneme::Heap* heap) { return heap->try_allocate(layout); }
void plugin_free(mneme::Heap* heap, void* payload) { heap->free(payload, layout); }
int* plugin_make(mneme::Heap* heap) { return (*heap->make<int>(7).poll())->leak(); }
void plugin_drop(int* leaked) { mneme::Box<int>::from_leaked(leaked).reset(); }
#else
int main() {
  static std::byte region[1024];
  mneme::Heap heap{region};
  plugin_free(&heap, heap.try_allocate(layout));
  heap.free(plugin_allocate(&heap), layout);
  plugin_drop((*heap.make<int>(5).poll())->leak());
  const auto box = mneme::Box<int>::from_leaked(plugin_make(&heap));
  std::printf("the plugin made %d\n", *box);
}
#endif
