// purpose: shows what a custom request is made of, by one that takes nothing, once it may.
// layer: tests; includes mneme and the tests' support.
// threads: none.
// invariants: each heap is whole at the end of its test.
// RUN: %runner %build/tests/custom_request_test
#include <cstddef>
#include <mneme/waiting/custom_request.hpp>
#include <optional>

#include "support/names.hpp"

using namespace tests::names;

namespace {

/// What happens to a Turnstile.
struct Gate {
  bool is_open = false;
  bool is_wall = false;
  int tries = 0;
  int undone = 0;
};

/// Wants that a gate is open.
struct Turnstile {
  using Owner = int;
  Gate* gate = nullptr;

  template <class Access>
  [[nodiscard]] std::optional<AllocError> error(Access /*access*/) const noexcept {
    return gate->is_wall ? std::optional(AllocError::too_large) : std::nullopt;
  }
  template <class Access>
  [[nodiscard]] bool take(Access /*access*/) const noexcept {
    ++gate->tries;
    return gate->is_open;
  }
  template <class Access>
  [[nodiscard]] bool undo(Access /*access*/) const noexcept {
    ++gate->undone;
    return false;
  }
  template <class Access>
  [[nodiscard]] int finish(Access /*access*/) const noexcept {
    return gate->tries;
  }
};
using Passage = mneme::CustomRequest<mneme::Heap, Turnstile>;

}  // namespace

TEST_CASE("it takes what it wants at once, or waits in its turn, which each unlock tries again") {
  TestHeap heap(32_words);
  Gate gate{.is_open = true};
  CHECK(granted(Passage(heap, {&gate})) == 1);
  gate = {};
  Alarm alarm;
  Passage passage(heap, {&gate});
  auto behind = heap.allocate(bytes(8));
  CHECK(!passage.poll(alarm.waker()));
  CHECK(gate.tries == 1);
  CHECK(!behind.poll());
  gate.is_open = true;
  heap.poll();
  CHECK(alarm.rings() == 1);
  CHECK(behind.state() == RequestState::granted);
  CHECK(granted(passage) >= 2);
  CHECK(gate.undone == 0);
}

TEST_CASE("it is refused at once if it can never be met, and behind nobody") {
  TestHeap heap(32_words);
  Gate gate{.is_wall = true};
  CHECK(failed(Passage(heap, {&gate})) == AllocError::too_large);
  CHECK(gate.tries == 0);
  CHECK(heap.counters().refusals == 1);
}

TEST_CASE("it is undone if it is cancelled after its grant, and only then") {
  TestHeap heap(32_words);
  Gate gate;
  std::optional<Passage> passage(std::in_place, heap, Turnstile{&gate});
  CHECK(!passage->poll());
  passage.reset();
  CHECK(gate.undone == 0);
  passage.emplace(heap, Turnstile{&gate});
  CHECK(!passage->poll());
  gate.is_open = true;
  heap.poll();
  CHECK(passage->state() == RequestState::granted);
  passage.reset();
  CHECK(gate.undone == 1);
  passage.emplace(heap, Turnstile{&gate});
  passage->cancel();
  CHECK(failed(*passage) == AllocError::cancelled);
}

TEST_CASE("it may be moved until it begins, as others") {
  TestHeap heap(32_words);
  Gate gate;
  Passage from(heap, {&gate});
  Passage to(std::move(from));
  CHECK(failed(from) == AllocError::cancelled);
  CHECK(!to.poll());
  gate.is_open = true;
  heap.poll();
  CHECK(granted(to) > 0);
}
