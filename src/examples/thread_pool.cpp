// purpose: plain threads, without coroutines: a producer and a pool, held back by a small heap.
// layer: examples; includes mneme.
// threads: one producer, three workers, and a client that gives up at a deadline.
// invariants: every job is done once.
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdio>
#include <deque>
#include <mneme/adapters/wait.hpp>
#include <mneme/mneme.hpp>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace {

constexpr int jobs = 2'000;

struct Job {
  int number;
  std::array<std::byte, 100> input{};
};

/// A queue with no limit of its own: the heap bounds how many jobs there are.
class Jobs {
 public:
  void put(mneme::Box<Job> job) {
    {
      const std::scoped_lock lock(mutex_);
      jobs_.push_back(std::move(job));
    }
    changed_.notify_one();
  }
  void end() {
    {
      const std::scoped_lock lock(mutex_);
      is_over_ = true;
    }
    changed_.notify_all();
  }
  /// The next job; an empty box if there will be no more.
  [[nodiscard]] mneme::Box<Job> take() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return is_over_ || !jobs_.empty(); });
    if (jobs_.empty()) return {};
    auto job = std::move(jobs_.front());
    jobs_.pop_front();
    return job;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<mneme::Box<Job>> jobs_;
  bool is_over_ = false;
};

/// Makes each job as soon as there is memory for it. Whenever a worker drops one, this goes on.
void produce(mneme::Heap& heap, Jobs& queue) {
  for (int number = 1; number <= jobs; ++number) {
    auto request = heap.make<Job>(number);
    auto job = mneme::wait(request);
    if (!job) return;
    queue.put(*std::move(job));
  }
}

void work(Jobs& queue, std::atomic<long>& sum) {
  while (const auto job = queue.take()) sum.fetch_add(job->number, std::memory_order_relaxed);
}

}  // namespace

int main() {
  alignas(16) static std::byte region[640];  // room for five jobs
  mneme::Heap heap{region};
  std::atomic<long> sum{0};
  Jobs queue;
  {
    std::vector<std::jthread> pool;
    pool.reserve(3);
    for (int i = 0; i < 3; ++i) pool.emplace_back([&] { work(queue, sum); });
    produce(heap, queue);
    queue.end();
  }
  std::printf("sum of %d jobs: %ld\n", jobs, sum.load());
  std::printf("in use: %zu bytes\n", heap.stats().used_bytes);

  // A client that cannot wait for ever: somebody keeps all memory.
  const auto hog = heap.try_allocate({.size = 600});
  auto request = heap.make<Job>(0);
  const auto job = mneme::wait_for(request, std::chrono::milliseconds(20));
  std::printf("with no memory: %s\n", job ? "a job" : mneme::to_string(job.error()));
  if (hog != nullptr) heap.free(hog, {.size = 600});
  return 0;
}
