// purpose: shows that a stop token ends a wait, before, while and after a request waits.
// layer: tests; includes mneme, its adapter and the tests' support.
// threads: one, but for the last test: one frees and one stops.
// invariants: each heap is whole at the end of its test.
// RUN: %runner %build/tests/stop_token_test
#include <cstddef>
#include <mneme/adapters/stop_token.hpp>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "support/names.hpp"

using namespace tests::names;

namespace {

Task wait_or_stop(Heap& heap, std::stop_token token, std::string& outcome) {
  const auto box = co_await heap.make<int>(7).until(std::move(token));
  outcome = box ? "granted" : to_string(box.error());
}

}  // namespace

TEST_CASE("a stop ends the wait with `cancelled`") {
  TestHeap heap(32_words);
  std::stop_source source;
  std::string outcome;
  const auto hog = granted(heap.allocate(bytes(31_words)));
  const auto task = wait_or_stop(heap, source.get_token(), outcome);
  source.request_stop();
  CHECK(heap.poll() == 1);
  CHECK(outcome == "cancelled");
}

TEST_CASE("a stop that was requested before ends a wait at once, but lets what is there be taken") {
  TestHeap heap(32_words);
  std::stop_source source;
  source.request_stop();
  std::string outcome;
  const auto fits = wait_or_stop(heap, source.get_token(), outcome);
  CHECK(outcome == "granted");
  const auto hog = granted(heap.allocate(bytes(31_words)));
  const auto waits = wait_or_stop(heap, source.get_token(), outcome);
  CHECK(outcome == "cancelled");
  CHECK(heap.poll() == 0);
}

TEST_CASE("a stop after the grant, and a token that can never stop, do nothing") {
  TestHeap heap(32_words);
  std::stop_source source;
  std::string outcomes[2];
  auto hog = granted(heap.allocate(bytes(31_words)));
  const auto first = wait_or_stop(heap, source.get_token(), outcomes[0]);
  const auto second = wait_or_stop(heap, {}, outcomes[1]);
  hog.reset();
  CHECK(heap.poll() == 2);
  source.request_stop();
  CHECK(outcomes[0] == "granted");
  CHECK(outcomes[1] == "granted");
}

TEST_CASE("stops that meet grants resume every coroutine once") {
  for (int round = 0; round < 300; ++round) {
    TestHeap heap(32_words);
    std::stop_source source;
    std::string outcome;
    auto hog = granted(heap.allocate(bytes(31_words)));
    const auto task = wait_or_stop(heap, source.get_token(), outcome);
    {
      std::jthread frees([&] { hog.reset(); });
      std::jthread stops([&] { source.request_stop(); });
      while (heap.poll() == 0) std::this_thread::yield();
    }
    CHECK(!outcome.empty());
  }
}
