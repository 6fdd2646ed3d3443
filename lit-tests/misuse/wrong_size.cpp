// RUN: not --crash %program 2>&1 | %fatal -D#AS=$((7 * %word))
// CHECK: mneme: fatal: wrong layout for the block at [[#W]]: freed as [[#AS]] bytes with its header
// purpose: shows that a block freed with a size not its own stops the program.
// layer: tests; includes the heap.
// threads: none.
// invariants: none but the one broken here.
#include <mneme/mneme.hpp>

namespace {

alignas(64) std::byte region[1024];
constexpr mneme::Layout layout{.size = 5 * mneme::word_bytes, .align = mneme::word_bytes};

}  // namespace

int main() {
  mneme::Heap heap(region);
  void* const payload = heap.try_allocate(layout);
  (void)heap.try_allocate(layout);  // so that the word behind is somebody's, too
  heap.free(payload, {.size = 6 * mneme::word_bytes, .align = mneme::word_bytes});
}
