// RUN: %if asan %{ not %program 2>&1 | FileCheck %s --check-prefix=ASAN %}
// RUN: %if !asan %{ not --crash %program 2>&1 | %fatal %}
// ASAN: AddressSanitizer: use-after-poison
// CHECK: mneme: fatal: smashed deferred block at [[#W]]: freed memory was written
// purpose: shows that a write to a deferred block is found out: at its reclaim, or by ASan.
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
  heap.defer_free(payload, layout);
  for (std::size_t i = 0; i < layout.size; ++i) payload[i] = std::byte{0x41};
  (void)heap.poll();
}
