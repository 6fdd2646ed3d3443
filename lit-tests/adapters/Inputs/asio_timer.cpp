// purpose: waits that end by a timer of Asio, by a grant, or by both at once.
// layer: tests; includes mneme, its adapter, Asio and the examples' Task.
// threads: two run the loop; the main one frees, and runs the tasks.
// invariants: each task goes on once; the heap is whole at the end.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <mneme/adapters/asio_timer.hpp>
#include <mneme/mneme.hpp>
#include <thread>
#include <utility>

#include "examples/task.hpp"

namespace {

using namespace std::chrono_literals;

alignas(16) std::byte region[1024];
int granted = 0;
int timed_out = 0;

examples::Task wait(mneme::Heap& heap, mneme::AsioDeadline limit) {
  const auto block = co_await heap.allocate({.size = 800}).until(std::move(limit));
  if (!block && block.error() != mneme::AllocError::timed_out) std::abort();
  ++(block ? granted : timed_out);
}

}  // namespace

int main() {
  mneme::Heap heap{region};
  asio::io_context loop;
  auto work = asio::make_work_guard(loop);
  std::jthread threads[2];
  for (auto& thread : threads) thread = std::jthread([&] { loop.run(); });

  const auto run = [&](mneme::AsioDeadline limit, bool is_freed) {
    auto hog = std::move(**heap.allocate({.size = 800}).poll());
    const int before = granted + timed_out;
    const examples::Task task = wait(heap, std::move(limit));
    if (is_freed) hog.reset();
    while (granted + timed_out == before) (void)heap.poll();
  };
  run(mneme::asio_after(loop, 2ms), false);
  run(mneme::asio_after(loop.get_executor(), -1ms), false);
  std::printf("%d granted, %d timed out\n", granted, timed_out);
  run(mneme::asio_after(loop, 9s), true);
  std::printf("%d granted, %d timed out\n", granted, timed_out);
  for (int round = 0; round < 600; ++round) {
    run(mneme::asio_after(loop, std::chrono::microseconds(round % 60)), true);
  }
  std::printf("all: %s\n", granted + timed_out == 603 ? "yes" : "no");
  work.reset();
  const auto begin = std::chrono::steady_clock::now();
  for (auto& thread : threads) thread.join();
  const bool is_soon = std::chrono::steady_clock::now() - begin < 3s;
  std::printf("no timer keeps the loop: %s\n", is_soon ? "yes" : "no");
  std::printf("sound: %s, %zu live\n", heap.validate() == nullptr ? "yes" : "no",
              heap.stats().live);
}
