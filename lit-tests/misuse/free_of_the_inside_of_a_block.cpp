// RUN: not --crash %program 2>&1 | %fatal
// CHECK: mneme: fatal: smashed header of the block at [[#mul(3,W)]]
// purpose: shows that a pointer into a block, whose bytes look like no header, stops the program.
// layer: tests; includes the heap.
// threads: none.
// invariants: none but the one broken here.
#include <cstring>
#include <mneme/mneme.hpp>

namespace {

alignas(64) std::byte region[1024];
constexpr mneme::Layout layout{.size = 5 * mneme::word_bytes, .align = mneme::word_bytes};

}  // namespace

int main() {
  mneme::Heap heap(region);
  auto* const payload = static_cast<std::byte*>(heap.try_allocate(layout));
  std::memset(payload, 0x5A, layout.size);
  heap.free(payload + 2 * mneme::word_bytes, layout);
}
