// RUN: %if asan %{ not %program 2>&1 | FileCheck %s --check-prefix=ASAN %}
// RUN: %if !asan %{ not --crash %program 2>&1 | %fatal %}
// ASAN: AddressSanitizer: use-after-poison
// CHECK: mneme: fatal: smashed header of the block at [[#mul(7,W)]]
// purpose: shows that an overflow into the next header is found out: at its free, or by ASan.
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
  auto* const first = static_cast<std::byte*>(heap.try_allocate(layout));
  auto* const second = static_cast<std::byte*>(heap.try_allocate(layout));
  std::memset(second, 0, layout.size);
  for (std::size_t i = 0; i < layout.size + mneme::word_bytes; ++i) first[i] = std::byte{0x41};
  heap.free(second, layout);
}
