// RUN: %runner %build/tests/free_queue_test
// RUN: %if valgrind %{ %helgrind %this %}
// purpose: shows that what is pushed comes out once, whoever is interrupted meanwhile.
// layer: tests; includes free_queue.
// threads: up to four producers and one consumer; a signal handler that pushes.
// invariants: a block is in one hand at a time, so its bytes are plain data that TSan watches.
#include "mneme/free_queue.hpp"

#include <doctest/doctest.h>
#include <sys/time.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <map>
#include <memory>
#include <thread>
#include <vector>

#include "support/effort.hpp"

using namespace mneme;

namespace {

constexpr std::size_t block_size = 32;

/// Freed blocks in a row, each numbered by its place.
class Blocks {
 public:
  explicit Blocks(std::size_t count) : bytes_(std::make_unique<Bytes[]>(count)) {
    for (std::size_t i = 0; i < count; ++i) {
      instrument::mark_undefined(bytes_[i].bytes, block_size);
      (void)node::make_live(bytes_[i].bytes, block_size, block_size - word_bytes);
      nodes_.push_back(node::make_freed(bytes_[i].bytes, block_size));
    }
  }
  ~Blocks() { instrument::mark_undefined(bytes_.get(), nodes_.size() * block_size); }
  Blocks(const Blocks&) = delete;
  Blocks& operator=(const Blocks&) = delete;

  [[nodiscard]] node::FreedNode* node(std::size_t i) const { return nodes_[i]; }
  [[nodiscard]] std::size_t size() const { return nodes_.size(); }
  [[nodiscard]] std::size_t index_of(node::FreedNode* freed) const {
    return (address_of(freed) - address_of(bytes_.get())) / block_size;
  }

 private:
  struct alignas(16) Bytes {
    std::byte bytes[block_size];
  };

  std::unique_ptr<Bytes[]> bytes_;
  std::vector<node::FreedNode*> nodes_;
};

/// Counts each block of a chain.
std::size_t count_chain(node::FreedNode* chain, const Blocks& blocks, std::vector<int>& seen) {
  std::size_t count = 0;
  while (chain != nullptr) {
    const node::Freed freed = node::load_freed(chain);
    ++seen[blocks.index_of(chain)];
    if (freed.size != block_size) seen[blocks.index_of(chain)] += 1000;
    chain = freed.link;
    ++count;
  }
  return count;
}

TEST_CASE("an empty queue drains to nothing, again and again") {
  FreeQueue queue;
  CHECK(queue.drain() == nullptr);
  CHECK(queue.drain() == nullptr);
}

TEST_CASE("what was pushed comes out whole, last in first out, and the queue is empty then") {
  const Blocks blocks(5);
  FreeQueue queue;
  for (std::size_t round = 0; round < 3; ++round) {
    for (std::size_t i = 0; i < 5; ++i) queue.push(blocks.node(i));
    node::FreedNode* chain = queue.drain();
    for (std::size_t i = 5; i > 0; --i) {
      REQUIRE(chain == blocks.node(i - 1));
      CHECK(node::load_freed(chain).size == block_size);
      chain = node::load_freed(chain).link;
    }
    CHECK(chain == nullptr);
    CHECK(queue.drain() == nullptr);
  }
}

TEST_CASE("producers on threads: every block comes out exactly once") {
  for (const std::size_t producers : {2U, 3U, 4U}) {
    constexpr std::size_t each = tests::rounds(std::size_t{2000});
    const Blocks blocks(producers * each);
    FreeQueue queue;
    std::vector<int> seen(blocks.size());
    std::size_t received = 0;
    Atomic<std::size_t> working{producers};
    {
      std::vector<std::jthread> threads;
      for (std::size_t p = 0; p < producers; ++p) {
        threads.emplace_back([&, p] {
          for (std::size_t i = 0; i < each; ++i) queue.push(blocks.node(p * each + i));
          working.fetch_sub(1);
        });
      }
      while (working.load() > 0) {
        received += count_chain(queue.drain(), blocks, seen);
        std::this_thread::yield();
      }
    }
    received += count_chain(queue.drain(), blocks, seen);
    CHECK(received == blocks.size());
    CHECK(std::ranges::count(seen, 1) == std::ssize(seen));
    CHECK(queue.drain() == nullptr);
  }
}

TEST_CASE("blocks that are pushed again at once: none is lost to a head that looks the same") {
  constexpr std::size_t each = 4;
  constexpr std::size_t producers = 3;
  constexpr int turns = tests::rounds(2000);
  const Blocks blocks(producers * each);
  FreeQueue queue;
  // A block that was drained goes straight back to the producer it came from.
  std::vector<Atomic<bool>> home(blocks.size());
  for (auto& at_home : home) at_home = true;
  Atomic<std::size_t> working{producers};
  std::size_t received = 0;
  {
    std::vector<std::jthread> threads;
    for (std::size_t p = 0; p < producers; ++p) {
      threads.emplace_back([&, p] {
        for (int turn = 0; turn < turns; ++turn) {
          const std::size_t mine = p * each + static_cast<std::size_t>(turn) % each;
          while (!home[mine].load(std::memory_order_acquire)) std::this_thread::yield();
          home[mine].store(false, std::memory_order_relaxed);
          queue.push(blocks.node(mine));
        }
        working.fetch_sub(1);
      });
    }
    for (bool last = false; !last;) {
      last = working.load() == 0;
      std::this_thread::yield();
      for (node::FreedNode* chain = queue.drain(); chain != nullptr; ++received) {
        node::FreedNode* const freed = chain;
        chain = node::load_freed(freed).link;
        home[blocks.index_of(freed)].store(true, std::memory_order_release);
      }
    }
  }
  CHECK(received == producers * turns);
}

// The signal handler's hands.
FreeQueue* handler_queue = nullptr;
const Blocks* handler_blocks = nullptr;
Atomic<std::size_t> handler_pushed{0};

void push_from_handler(int) {
  const std::size_t next = handler_pushed.load(std::memory_order_relaxed);
  if (next == handler_blocks->size()) return;
  handler_queue->push(handler_blocks->node(next));
  handler_pushed.store(next + 1, std::memory_order_relaxed);
}

TEST_CASE("a signal handler that pushes in the middle of pushes and drains loses nothing") {
  constexpr std::size_t half = 400;
  const Blocks theirs(half);
  const Blocks mine(64);
  FreeQueue queue;
  handler_queue = &queue;
  handler_blocks = &theirs;
  struct sigaction action{};
  action.sa_handler = push_from_handler;
  REQUIRE(sigaction(SIGALRM, &action, nullptr) == 0);
  const itimerval every{{0, 100}, {0, 100}};
  REQUIRE(setitimer(ITIMER_REAL, &every, nullptr) == 0);

  std::map<node::FreedNode*, int> seen;
  std::size_t pushed = 0;
  const auto drain = [&] {
    for (node::FreedNode* chain = queue.drain(); chain != nullptr;) {
      ++seen[chain];
      chain = node::load_freed(chain).link;
    }
  };
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  while (handler_pushed.load() < half && std::chrono::steady_clock::now() < deadline) {
    for (std::size_t i = 0; i < mine.size(); ++i) queue.push(mine.node(i));
    pushed += mine.size();
    drain();
  }
  const itimerval never{};
  REQUIRE(setitimer(ITIMER_REAL, &never, nullptr) == 0);
  action.sa_handler = SIG_IGN;  // one may still be on its way
  REQUIRE(sigaction(SIGALRM, &action, nullptr) == 0);
  drain();

  CHECK(handler_pushed.load() > 0);
  std::size_t from_handler = 0;
  std::size_t from_here = 0;
  for (const auto& [freed, times] : seen) {
    const bool is_mine = mine.index_of(freed) < mine.size();
    (is_mine ? from_here : from_handler) += static_cast<std::size_t>(times);
    if (!is_mine) CHECK(times == 1);
  }
  CHECK(from_handler == handler_pushed.load());
  CHECK(from_here == pushed);
}

}  // namespace
