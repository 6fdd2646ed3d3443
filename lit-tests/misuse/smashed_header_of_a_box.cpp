// RUN: %if asan %{ not %program 2>&1 | FileCheck %s --check-prefix=ASAN %}
// RUN: %if !asan %{ not --crash %program 2>&1 | %fatal %}
// ASAN: AddressSanitizer: use-after-poison
// CHECK: mneme: fatal: smashed header of the block at [[#mul(7,W)]]
// purpose: shows that the header of a box is not followed if it was overwritten.
// layer: tests; includes everything.
// threads: none.
// invariants: none but the one broken here.
#include <mneme/mneme.hpp>

namespace {

alignas(64) std::byte region[1024];
constexpr mneme::Layout layout{.size = 5 * mneme::word_bytes, .align = mneme::word_bytes};

}  // namespace

int main() {
  mneme::Heap heap(region);
  auto* const before = static_cast<std::byte*>(heap.try_allocate(layout));
  auto made = heap.make<long>(0).poll();
  for (std::size_t i = 0; i < layout.size + mneme::word_bytes; ++i) before[i] = std::byte{0x41};
  made.reset();
}
