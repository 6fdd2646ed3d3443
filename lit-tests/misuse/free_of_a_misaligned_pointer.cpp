// RUN: not --crash %program 2>&1 | %fatal
// CHECK: mneme: fatal: foreign pointer: no block begins at [[#add(W,div(W,2))]]
// purpose: shows that a pointer at which no block can begin stops the program.
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
  auto* const payload = static_cast<std::byte*>(heap.try_allocate(layout));
  heap.free(payload + mneme::word_bytes / 2, layout);
}
