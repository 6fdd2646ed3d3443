// purpose: a heap whose control block is in its own region, as a kernel creates one at start-up.
// layer: examples; includes mneme.
// threads: one.
// invariants: none; builds with -fno-exceptions -fno-rtti, with and without checks and statistics.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <mneme/mneme.hpp>
#include <span>
#include <utility>

namespace {

// Memory as a boot loader might report it, not even aligned.
std::byte memory[4096];
const std::span<std::byte> usable = std::span(memory).subspan(3);

}  // namespace

int main() {
  // Too little memory is an error value, not a crash.
  if (auto tiny = mneme::Heap::bootstrap(usable.first(32)); !tiny) {
    std::printf("32 bytes: %s\n", mneme::to_string(tiny.error()));
  }

  auto booted = mneme::Heap::bootstrap(usable);
  if (!booted) return 1;
  mneme::Heap& heap = **booted;
  std::printf("heap: %s\n", heap.capacity_bytes() > 3072 ? "more than 3 KiB" : "too small");

  {
    // Without coroutines and without waiting: poll once, and take the result.
    auto request = heap.make_array<std::uint8_t>(1500);
    auto answer = request.poll();
    if (!answer || !*answer) return 1;
    const mneme::Array<std::uint8_t> frame = **std::move(answer);
    frame[1499] = 42;
    std::printf("array: %zu bytes, the last is %d\n", frame.size(), frame[1499]);

    // A size that overflows is refused, like every request that can never be met.
    auto huge = heap.make_array<std::uint64_t>(SIZE_MAX / 8 + 2);
    if (auto refused = huge.poll(); refused && !*refused) {
      std::printf("2^61 + 1 numbers: %s\n", mneme::to_string(refused->error()));
    }
  }

  // A kernel's heap is never destroyed. Otherwise call its destructor once it is empty.
  std::printf("sound: %s\n", heap.validate() == nullptr ? "yes" : "no");
  heap.~BasicHeap();
  return 0;
}
