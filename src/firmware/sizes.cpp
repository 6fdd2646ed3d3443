// purpose: what tools/firmware sizes measures: a program that makes, tries, frees and polls.
// layer: firmware; includes port, task, and the raw heap.
// threads: main.
// invariants: MNEME_SIZES_BASE leaves out mneme, and nothing else.
#include <cstddef>
#include <mneme/raw/first_fit.hpp>
#include <utility>

#include "board.hpp"
#include "port.hpp"
#include "task.hpp"

#ifndef MNEME_SIZES_RAW
#define MNEME_SIZES_RAW mneme::DefaultRaw
#endif

namespace {

using Heap = mneme::BasicHeap<MNEME_SIZES_RAW, port::CriticalSection>;
struct Packet {
  std::uint32_t words[16];
};

alignas(64) constinit std::byte memory[2048];

#ifndef MNEME_SIZES_BASE
// The smallest coroutine that waits for memory.
tasks::Task take_one(Heap& heap) { (void)co_await heap.make<Packet>(); }

void use(Heap& heap) {
  if (!take_one(heap).started) return;
  constexpr mneme::Layout layout{.size = 64, .align = 8};
  if (void* const block = heap.try_allocate(layout); block != nullptr) heap.free(block, layout);
  heap.poll();
}
#endif

}  // namespace

#ifdef MNEME_SIZES_OBJECTS
// Their sizes are read off the object file.
extern "C" {
extern std::byte control_block[sizeof(Heap)], request[sizeof(mneme::Request<Heap>)];
constinit std::byte control_block[sizeof(Heap)]{};
constinit std::byte request[sizeof(mneme::Request<Heap>)]{};
}
#endif

void on_tick() noexcept {}

/// Returns the size of the coroutine's frame in words, which only the compiler knows.
int main() {
#ifdef MNEME_SIZES_BASE
  asm volatile("" : : "r"(memory), "r"(tasks::frames) : "memory");
  return 0;
#else
  const auto heap = Heap::bootstrap(memory);
  if (!heap) return 0;
  use(**heap);
  return static_cast<int>(tasks::frames_used / sizeof(std::uint32_t));
#endif
}
