// purpose: two event loops on two threads share one heap, until it is closed.
// layer: examples; includes mneme and task.
// threads: one for each loop; a coroutine runs only on the thread of its loop.
// invariants: at the end every task has returned, and all memory is free.
#include <array>
#include <atomic>
#include <coroutine>
#include <cstddef>
#include <cstdio>
#include <memory>
#include <mneme/mneme.hpp>
#include <mneme/waiting/resume_on.hpp>
#include <semaphore>
#include <thread>

#include "task.hpp"

namespace {

constexpr std::size_t switched_off = 7;  // a reason to close the heap; the number is ours
constexpr int enough = 10'000;

struct Packet {
  std::array<std::byte, 200> bytes;
};

/// An event loop: sleeps until its queue has coroutines to resume.
class Loop {
 public:
  [[nodiscard]] mneme::ReadyQueue& queue() noexcept { return queue_; }

  template <class Tasks>
  void run(const Tasks& tasks) {
    for (const auto& task : tasks) {
      while (!task.done()) {
        awake_.acquire();
        (void)queue_.run();
      }
    }
  }

 private:
  // Called by the free that completes a request, on either thread. It takes no lock.
  static void wake(void* loop) noexcept { static_cast<Loop*>(loop)->awake_.release(); }

  std::counting_semaphore<> awake_{0};
  mneme::ReadyQueue queue_{{.wake = wake, .context = this}};
};

/// Lets the other coroutines of a loop run first.
class NextTurn : public std::suspend_always {
 public:
  explicit NextTurn(mneme::ReadyQueue& queue) noexcept : queue_(queue) {}

  void await_suspend(std::coroutine_handle<> self) noexcept {
    task_.handle = self;
    queue_.post(task_);
  }

 private:
  mneme::ReadyQueue& queue_;
  mneme::ReadyTask task_{};
};

/// Sends packets for ever; that is, until the heap is closed.
examples::Task send(mneme::Heap& heap, mneme::ReadyQueue& queue, std::atomic<int>& sent) {
  for (;;) {
    auto packet = co_await heap.make<Packet>().resume_on(queue);
    if (!packet) co_return;
    co_await NextTurn{queue};  // as if a device were sending it
    sent.fetch_add(1, std::memory_order_relaxed);
  }
}

/// Two coroutines on a loop of their own.
void run_loop(mneme::Heap& heap, std::atomic<int>& sent) {
  Loop loop;
  const std::array tasks{send(heap, loop.queue(), sent), send(heap, loop.queue(), sent)};
  loop.run(tasks);
}

}  // namespace

int main() {
  alignas(16) static std::byte region[400];  // room for one packet, and four tasks want one
  mneme::Heap heap{region};
  std::atomic<int> sent{0};
  {
    const std::jthread first([&] { run_loop(heap, sent); });
    const std::jthread second([&] { run_loop(heap, sent); });
    while (sent.load(std::memory_order_relaxed) < enough) std::this_thread::yield();
    heap.close(switched_off);
  }  // both loops end, as each of their tasks returns
  const auto stats = heap.stats();
  std::printf("sent enough: %s\n", sent >= enough ? "yes" : "no");
  std::printf("some had to wait: %s\n", stats.waits > 0 ? "yes" : "no");
  std::printf("closed for reason %zu, %zu bytes in use, %zu requests wait\n", heap.close_reason(),
              stats.used_bytes, stats.waiting);
  return 0;
}
