// purpose: two threads on one allocator, timed by Google Benchmark: blocks handed over, own blocks.
// layer: bench; includes peers.
// threads: two, on one Peer; single-threaded allocators are protected by a mutex.
// invariants: an operation allocates and frees one block.
#include <benchmark/benchmark.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <mutex>
#include <thread>

#include "peers.hpp"

namespace {

constexpr std::size_t region_bytes = std::size_t{1024} * 1024;

#ifdef BENCH_MNEME
void* get(Peer& peer, std::size_t size) {
  auto request = peer.heap.allocate({.size = size, .align = Peer::align});
  auto answer = request.poll();
  for (; !answer; answer = request.poll()) std::this_thread::yield();
  return (*answer)->leak();
}
void put(Peer& peer, void* place, std::size_t size) { peer.free(place, size); }
#else
#if defined(BENCH_PMR) || defined(BENCH_BOOST)
std::mutex mutex;
#else
struct NoMutex {
  void lock() {}
  void unlock() {}
} mutex;
#endif
void* get(Peer& peer, std::size_t size) {
  const std::lock_guard lock(mutex);
  return peer.allocate(size);
}
void put(Peer& peer, void* place, std::size_t size) {
  const std::lock_guard lock(mutex);
  peer.free(place, size);
}
#endif

/// Passes blocks from one thread to another; a thread waits if the ring is full or empty.
class Ring {
 public:
  void push(void* what) {
    const std::size_t at = in_.load(std::memory_order_relaxed);
    while (at - out_.load(std::memory_order_acquire) == slots_.size()) std::this_thread::yield();
    slots_[at % slots_.size()] = what;
    in_.store(at + 1, std::memory_order_release);
  }
  void* pop() {
    const std::size_t at = out_.load(std::memory_order_relaxed);
    while (in_.load(std::memory_order_acquire) == at) std::this_thread::yield();
    void* const what = slots_[at % slots_.size()];
    out_.store(at + 1, std::memory_order_release);
    return what;
  }

 private:
  alignas(64) std::atomic<std::size_t> in_{0};
  alignas(64) std::atomic<std::size_t> out_{0};
  alignas(64) std::array<void*, 64> slots_{};
};

Peer& peer() {
  static Peer the_peer{region_bytes};
  return the_peer;
}

void hand_over(benchmark::State& state) {
  static Ring ring;
  if (state.thread_index() == 0) {
    for ([[maybe_unused]] auto step : state) ring.push(get(peer(), 64));
  } else {
    for ([[maybe_unused]] auto step : state) put(peer(), ring.pop(), 64);
  }
}

void own_blocks(benchmark::State& state) {
  struct Held {
    void* place = nullptr;
    std::size_t size = 0;
  };
  bench::Random random;
  std::array<Held, 16> live{};
  std::size_t at = 0;
  for ([[maybe_unused]] auto step : state) {
    Held& held = live[at++ % live.size()];
    if (held.place != nullptr) put(peer(), held.place, held.size);
    held.size = random.between(16, 256);
    held.place = get(peer(), held.size);
    bench::use(held.place);
  }
  for (const Held& held : live) {
    if (held.place != nullptr) put(peer(), held.place, held.size);
  }
}

BENCHMARK(hand_over)->Threads(2)->MeasureProcessCPUTime()->UseRealTime();
BENCHMARK(own_blocks)->Threads(2)->MeasureProcessCPUTime()->UseRealTime();
BENCHMARK(own_blocks)->Threads(1)->MeasureProcessCPUTime()->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
