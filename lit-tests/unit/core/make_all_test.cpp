// purpose: shows that a group is granted as a whole or not at all, and that nothing of it is lost.
// layer: tests; includes mneme and the tests' support.
// threads: none.
// invariants: each heap is whole at the end of its test.
// RUN: %runner %build/tests/make_all_test
#include <algorithm>
#include <cstddef>
#include <memory>
#include <mneme/raw/first_fit.hpp>
#include <mneme/raw/pool.hpp>
#include <mneme/raw/quarantining.hpp>
#include <mneme/raw/wide_bounded.hpp>
#include <mneme/waiting/make_all.hpp>
#include <mneme/waiting/overtaking.hpp>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "support/names.hpp"
#include "support/recordings.hpp"

using namespace tests::names;

namespace {

/// Three plain blocks of these sizes in words.
template <class Heap>
auto three(Heap& heap, std::size_t one, std::size_t two, std::size_t three) {
  const auto words = [](std::size_t count) { return bytes(count * word_bytes); };
  return heap.make_all(heap.allocate(words(one)), heap.allocate(words(two)),
                       heap.allocate(words(three)));
}

std::size_t used_words(const Heap& heap) { return heap.counters().used_bytes / word_bytes; }

}  // namespace

TEST_CASE("owners of different kinds at once, made in order") {
  TestHeap heap(64_words);
  auto [number, numbers, block] =
      granted(heap.make_all(heap.make<int>(7), heap.make_array<char>(5), heap.allocate(bytes(8))));
  CHECK(*number == 7);
  CHECK(numbers.size() == 5);
  CHECK(block.layout().size == 8);
  CHECK(heap.counters().live == 3);
}

TEST_CASE(
    "it waits in one place of the queue, holds nothing meanwhile, and is never partly granted") {
  TestHeap heap(16_words);
  auto hog = granted(heap.allocate(bytes(3_words)));
  auto other = granted(heap.allocate(bytes(3_words)));
  Alarm alarm;
  Alarm behind_alarm;
  auto group = three(heap, 3, 3, 3);
  CHECK(!group.poll(alarm.waker()));
  CHECK(used_words(heap) == 8);  // although two parts would fit
  CHECK(heap.counters().waiting == 1);
  auto behind = heap.allocate(bytes(3_words));
  CHECK(!behind.poll(behind_alarm.waker()));
  hog.reset();
  CHECK(alarm.rings() == 1);
  CHECK(used_words(heap) == 16);
  CHECK(behind_alarm.rings() == 0);
  auto got = granted(group);
  other.reset();
  CHECK(behind_alarm.rings() == 1);
  CHECK(granted(behind).data() != nullptr);
}

TEST_CASE("two tasks that want two blocks each do not deadlock, whatever the order") {
  TestHeap heap(10_words);
  int done = 0;
  const auto work = [&]() -> Task {
    for (int round = 0; round < 3; ++round) {
      auto both =
          co_await heap.make_all(heap.allocate(bytes(3_words)), heap.allocate(bytes(3_words)));
      REQUIRE(both.has_value());
      ++done;
      auto moment = co_await heap.allocate(bytes(1_words));
      REQUIRE(moment.has_value());
    }
  };
  Task one = work();
  Task two = work();
  while (heap.poll() > 0) {
  }
  CHECK(done == 6);
}

TEST_CASE("a group that can never be met is refused at once, and holds up nobody") {
  TestHeap heap(16_words);
  auto hog = granted(heap.allocate(bytes(3_words)));
  CHECK(failed(three(heap, 1, 1, 16)) == AllocError::too_large);
  CHECK(failed(three(heap, 5, 5, 5)) == AllocError::too_large);  // 18 words together
  CHECK(failed(heap.make_all(heap.allocate({8, 3}), heap.make<int>(1))) ==
        AllocError::bad_alignment);
  CHECK(failed(heap.make_all(heap.make_array<int>(SIZE_MAX))) == AllocError::too_large);
  CHECK(heap.counters().used_bytes == 4_words);
  hog.reset();
  auto all = granted(three(heap, 5, 5, 3));  // 16
  CHECK(used_words(heap) == 16);
}

TEST_CASE("cancelled while it waits, or once it is granted, or destroyed: all is given back") {
  TestHeap heap(16_words);
  Alarm alarm;
  for (const bool is_granted : {false, true}) {
    for (const bool is_destroyed : {false, true}) {
      auto hog = granted(heap.allocate(bytes(15_words)));
      std::optional group{three(heap, 3, 3, 3)};
      CHECK(!group->poll(alarm.waker()));
      auto behind = heap.allocate(bytes(9_words));
      CHECK(!behind.poll());
      if (is_granted) hog.reset();
      is_destroyed ? group.reset() : group->cancel();
      hog.reset();
      CHECK(granted(behind).data() != nullptr);
      if (!is_destroyed) CHECK(failed(*group) == AllocError::cancelled);
      CHECK(heap.counters().deferred == 0);
    }
  }
  CHECK(alarm.rings() == 2);
}

TEST_CASE("a closed heap, and a heap that is locked") {
  TestHeap heap(16_words);
  auto guard = heap.try_lock();
  auto group = three(heap, 3, 3, 3);
  CHECK(!group.poll());
  guard.unlock();
  CHECK(used_words(heap) == 12);
  auto waits = three(heap, 3, 3, 3);
  CHECK(!waits.poll());
  heap.close();
  CHECK(failed(waits) == AllocError::closed);
  CHECK(failed(three(heap, 1, 1, 1)) == AllocError::closed);
  auto got = granted(group);
}

TEST_CASE("a constructor that throws destroys those before it, frees all, and passes that on") {
  TestHeap heap(64_words);
  for (const int after : {0, 1, 2}) {
    Probe::throw_after = after;
    auto group = heap.make_all(heap.make<Probe>(1), heap.make<Probe>(2), heap.make<Probe>(3));
    CHECK_THROWS_AS((void)group.poll(), std::runtime_error);
    CHECK(Probe::alive == 0);
    CHECK(heap.counters().live == 0);
    CHECK(failed(group) == AllocError::cancelled);
  }
  Probe::throw_after = -1;
}

TEST_CASE("random groups among other requests: never partly, and nothing is lost") {
  using PassingHeap = mneme::BasicHeap<mneme::FirstFit, mneme::SpinLock, mneme::Overtaking<2>>;
  for (unsigned seed = 0; seed < 20; ++seed) {
    tests::BasicTestHeap<PassingHeap> heap(40_words);
    std::mt19937 random(seed);
    const auto words = [&] { return 1 + random() % 9; };
    using Group = decltype(three(heap, 1, 1, 1));
    std::vector<std::unique_ptr<Group>> groups;
    std::vector<Group::Owner> owners;
    for (int step = 0; step < 200; ++step) {
      if (random() % 2 == 0 && groups.size() < 6) {
        groups.push_back(std::make_unique<Group>(three(heap, words(), words(), words())));
      }
      std::erase_if(groups, [&](auto& group) {
        auto answer = group->poll();
        if (answer) owners.push_back(std::move(**answer));
        return answer || random() % 20 == 0;
      });
      if (!owners.empty() && random() % 2 == 0) {
        owners.erase(owners.begin() + static_cast<std::ptrdiff_t>(random() % owners.size()));
      }
      std::size_t granted_groups = owners.size();
      for (auto& group : groups)
        granted_groups += group->state() == RequestState::granted ? 1U : 0U;
      REQUIRE(heap.counters().live == 3 * granted_groups);
      REQUIRE(sound(heap));
    }
  }
}

namespace {

/// Whether a group of so many equal blocks is granted on an empty heap; otherwise it is refused, so
/// that it does not wait for ever.
template <class Raw, std::size_t... parts>
bool fits(std::size_t region_bytes, std::size_t size, std::index_sequence<parts...> /*count*/) {
  tests::BasicTestHeap<mneme::BasicHeap<Raw>> heap(region_bytes);
  auto group = heap.make_all((static_cast<void>(parts), heap.allocate(bytes(size)))...);
  auto answer = group.poll();
  REQUIRE(answer.has_value());
  if (!answer->has_value()) CHECK(answer->error() == AllocError::too_large);
  return answer->has_value();
}

}  // namespace

TEST_CASE("what a block takes counts, not what was requested: slots, and units of two words") {
  using Slots = mneme::Pool<8_words, word_bytes>;
  const std::size_t slots = 3 * 9_words;
  CHECK(fits<Slots>(slots, 1, std::make_index_sequence<3>{}));
  CHECK(!fits<Slots>(slots, 1, std::make_index_sequence<4>{}));
  CHECK(!fits<mneme::Quarantining<Slots, 2>>(slots, 1, std::make_index_sequence<4>{}));
  CHECK(fits<mneme::WideBounded>(17_words, 2_words, std::make_index_sequence<4>{}));
  CHECK(!fits<mneme::WideBounded>(17_words, 2_words, std::make_index_sequence<5>{}));
}

TEST_CASE("blocks in a quarantine do not part what a group needs in one piece") {
  for (unsigned seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    using SlowHeap = mneme::BasicHeap<mneme::Quarantining<mneme::Bounded, 3>>;
    tests::BasicTestHeap<SlowHeap> heap(24_words);
    std::vector<mneme::Allocation<SlowHeap>> hogs;
    for (;;) {
      auto hog = heap.allocate(bytes(1_words + random() % 5 * word_bytes)).poll();
      if (!hog) break;
      hogs.push_back(std::move(**hog));
    }
    auto group = three(heap, 9, 1 + random() % 6, 4);
    CHECK(!group.poll());
    std::ranges::shuffle(hogs, random);
    hogs.clear();
    REQUIRE(group.state() == RequestState::granted);
  }
}

TEST_CASE("a recording has the free of each part that is given back") {
  mneme::RecordSlot places[64];
  mneme::Recorder recorder{places, mneme::WhenFull::stop};
  tests::BasicTestHeap<mneme::BasicHeap<mneme::Recorded<mneme::FirstFit>>> heap(16_words);
  mneme::record(heap, recorder);
  auto hog = granted(heap.allocate(bytes(3_words)));
  auto other = granted(heap.allocate(bytes(3_words)));
  {
    auto group = three(heap, 3, 3, 3);
    CHECK(!group.poll());
    hog.reset();
    (void)granted(group);
  }
  other.reset();
  const std::string dump = tests::dump_of(recorder);
  const auto count_of = [&](const std::string& word) {
    std::size_t count = 0;
    for (std::size_t at = 0; (at = dump.find('\n' + word, at)) != std::string::npos; ++at) ++count;
    return count;
  };
  CHECK(count_of("alloc ") > 5);  // some parts were taken more than once
  CHECK(count_of("alloc ") == count_of("free "));
}
