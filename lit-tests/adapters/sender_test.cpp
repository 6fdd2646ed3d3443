// purpose: shows requests as senders by a minimal receiver: each end, and that there is only one.
// layer: tests; includes mneme, its adapter and the tests' support.
// threads: the last test starts, frees and stops on three.
// invariants: each heap is whole at the end of its test.
// RUN: %runner %build/tests/sender_test
#include <atomic>
#include <cstddef>
#include <expected>
#include <mneme/adapters/sender.hpp>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>

#include "support/names.hpp"

using namespace tests::names;
using mneme::as_sender;

namespace {

struct Outcome {
  std::atomic<int> values{0};
  std::atomic<int> errors{0};
  std::atomic<int> stops{0};
  AllocError error{};
  [[nodiscard]] int ends() const { return values + errors + stops; }
};

struct Receiver {
  Outcome* outcome;
  void set_value(mneme::Allocation<> block) const noexcept {
    block.reset();
    ++outcome->values;
  }
  void set_error(AllocError error) const noexcept {
    outcome->error = error;
    ++outcome->errors;
  }
  void set_stopped() const noexcept { ++outcome->stops; }
};
struct Stoppable : Receiver {
  std::stop_token token;
  [[nodiscard]] std::stop_token stop_token() const noexcept { return token; }
};
struct Deaf {
  void set_value(mneme::Allocation<> /*block*/) const noexcept {}
};

static_assert(mneme::ReceiverOf<Receiver, mneme::Request<>>);
static_assert(!mneme::ReceiverOf<Deaf, mneme::Request<>>);
static_assert(!mneme::ReceiverOf<Receiver, mneme::BoxRequest<int>>, "a box is no allocation");

}  // namespace

TEST_CASE("an operation ends at once, at the grant, with an error, or is closed") {
  TestHeap heap(32_words);
  Outcome outcome;
  auto at_once = as_sender(heap.allocate(bytes(8))).connect(Receiver{&outcome});
  at_once.start();
  CHECK(outcome.values == 1);
  auto never = as_sender(heap.allocate(bytes(64_words))).connect(Receiver{&outcome});
  never.start();
  CHECK(outcome.error == AllocError::too_large);

  auto hog = granted(heap.allocate(bytes(30_words)));
  auto waits = as_sender(heap.allocate(bytes(30_words))).connect(Receiver{&outcome});
  waits.start();
  CHECK(outcome.ends() == 2);
  hog.reset();  // the waker frees the block again
  CHECK(outcome.values == 2);

  hog = granted(heap.allocate(bytes(30_words)));
  auto closed = as_sender(heap.allocate(bytes(30_words))).connect(Receiver{&outcome});
  closed.start();
  heap.close();
  CHECK(outcome.error == AllocError::closed);
  CHECK(outcome.ends() == 4);
}

TEST_CASE("a stop ends an operation that waits, one that begins, and none that is over") {
  TestHeap heap(32_words);
  Outcome outcome;
  std::stop_source source;
  auto hog = granted(heap.allocate(bytes(30_words)));
  auto waits =
      as_sender(heap.allocate(bytes(30_words))).connect(Stoppable{{&outcome}, source.get_token()});
  waits.start();
  CHECK(heap.stats().waiting == 1);
  source.request_stop();
  CHECK(outcome.stops == 1);
  CHECK(heap.stats().waiting == 0);
  auto begins =
      as_sender(heap.allocate(bytes(30_words))).connect(Stoppable{{&outcome}, source.get_token()});
  begins.start();
  CHECK(outcome.stops == 2);

  std::stop_source later;
  auto over =
      as_sender(heap.allocate(bytes(30_words))).connect(Stoppable{{&outcome}, later.get_token()});
  over.start();
  hog.reset();
  later.request_stop();
  CHECK(outcome.values == 1);
  CHECK(outcome.ends() == 3);
}

namespace {

/// A request that is granted, or whose operation is stopped, while its first poll returns.
struct EarlyRequest {
  using Result = std::expected<int, AllocError>;
  [[nodiscard]] std::optional<Result> poll(mneme::Waker waker = {}) const {
    if (!waker) return is_cancelled ? Result(std::unexpected(AllocError::cancelled)) : Result(7);
    source != nullptr ? (void)source->request_stop() : waker.wake(waker.context);
    return std::nullopt;
  }
  void cancel() noexcept { is_cancelled = true; }

  std::stop_source* source = nullptr;
  bool is_cancelled = false;
};
struct Numbers {
  Outcome* outcome;
  std::stop_token token;
  [[nodiscard]] std::stop_token stop_token() const noexcept { return token; }
  void set_value(int /*number*/) const noexcept { ++outcome->values; }
  void set_error(AllocError /*error*/) const noexcept { ++outcome->errors; }
  void set_stopped() const noexcept { ++outcome->stops; }
};

}  // namespace

TEST_CASE("a grant or a stop before start() is over ends the operation once") {
  Outcome outcome;
  std::stop_source source;
  auto early = as_sender(EarlyRequest{}).connect(Numbers{&outcome, source.get_token()});
  early.start();
  CHECK(outcome.values == 1);
  auto stopped = as_sender(EarlyRequest{&source}).connect(Numbers{&outcome, source.get_token()});
  stopped.start();
  CHECK(outcome.stops == 1);
  CHECK(outcome.ends() == 2);
}

namespace {

/// A receiver during whose last move a stop is requested, as another thread might.
struct StoppedWhenMoved : Numbers {
  StoppedWhenMoved(Numbers numbers, std::stop_source*& stopper) noexcept
      : Numbers(std::move(numbers)), source(stopper) {}
  StoppedWhenMoved(StoppedWhenMoved&& other) noexcept
      : Numbers(static_cast<Numbers&&>(other)), source(other.source) {
    if (source != nullptr) std::exchange(source, nullptr)->request_stop();
  }

  std::stop_source*& source;  // nullptr: no stop now
};

}  // namespace

TEST_CASE("a stop behind a result that was there at once ends nothing") {
  TestHeap heap(32_words);
  Outcome outcome;
  std::stop_source source;
  std::stop_source* stopper = nullptr;
  struct AtOnce {
    using Result = std::expected<int, AllocError>;
    [[nodiscard]] static std::optional<Result> poll(mneme::Waker /*waker*/ = {}) { return 7; }
    void cancel() const noexcept {}
  };
  auto operation =
      as_sender(AtOnce{}).connect(StoppedWhenMoved{{&outcome, source.get_token()}, stopper});
  stopper = &source;
  operation.start();
  CHECK(outcome.values == 1);
  CHECK(outcome.ends() == 1);
}

TEST_CASE("start, grant and stop on three threads end an operation once") {
  TestHeap heap(32_words);
  for (int round = 0; round < 500; ++round) {
    Outcome outcome;
    std::stop_source source;
    auto hog = granted(heap.allocate(bytes(30_words)));
    auto operation = as_sender(heap.allocate(bytes(30_words)))
                         .connect(Stoppable{{&outcome}, source.get_token()});
    std::atomic<int> ready{0};
    const auto meet = [&ready] {
      ++ready;
      while (ready < 3) std::this_thread::yield();
    };
    std::jthread starter([&] { meet(), operation.start(); });
    std::jthread freer([&] { meet(), hog.reset(); });
    std::jthread stopper([&] { meet(), source.request_stop(); });
    starter.join();
    freer.join();
    stopper.join();
    CHECK(outcome.ends() == 1);
    CHECK(outcome.errors == 0);
  }
}
