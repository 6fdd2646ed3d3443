// purpose: shows that a reallocation grows in place or moves, waits in its turn, and harms nothing.
// layer: tests; includes mneme and the tests' support.
// threads: one, but for the last test: two that cancel and poll.
// invariants: each heap is whole at the end of its test.
// RUN: %runner %build/tests/reallocate_test
// RUN: %if valgrind %{ %helgrind %this %}
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mneme/raw/chain.hpp>
#include <mneme/raw/first_fit.hpp>
#include <mneme/raw/pool.hpp>
#include <mneme/raw/quarantining.hpp>
#include <mneme/raw/wide_bounded.hpp>
#include <mneme/waiting/lock_request.hpp>
#include <mneme/waiting/overtaking.hpp>
#include <mneme/waiting/reallocate.hpp>
#include <mneme/waiting/tick_timer.hpp>
#include <mneme/waiting/until.hpp>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "support/fatal_line.hpp"
#include "support/names.hpp"
#include "support/recordings.hpp"

using namespace tests::names;
using mneme::Reallocated;

namespace {

using Plain = mneme::Allocation<>;

/// A block of so many words, filled with a pattern.
template <class Heap>
auto filled(Heap& heap, std::size_t size, unsigned char seed = 1) {
  auto block = granted(heap.allocate(bytes(size)));
  for (std::size_t i = 0; i < size; ++i) block.bytes()[i] = static_cast<std::byte>(i * 7 + seed);
  return block;
}

/// Whether its first `kept` bytes are as filled() wrote them.
template <class Heap>
bool intact(const mneme::Allocation<Heap>& block, std::size_t kept, unsigned char seed = 1) {
  for (std::size_t i = 0; i < kept; ++i) {
    if (block.bytes()[i] != static_cast<std::byte>(i * 7 + seed)) return false;
  }
  return true;
}

std::size_t words_in_use(const Heap& heap) { return heap.counters().used_bytes / word_bytes; }

}  // namespace

TEST_CASE("in place if there is room behind it, else elsewhere, with its bytes") {
  TestHeap heap(64_words);
  auto block = filled(heap, 3_words);
  const void* const first = block.data();
  CHECK(granted(heap.reallocate(block, 7_words)) == Reallocated::in_place);
  CHECK(block.data() == first);
  CHECK(block.layout() == bytes(7_words));
  CHECK(intact(block, 3_words));
  const auto wall = filled(heap, 1_words);
  CHECK(granted(heap.reallocate(block, 9_words)) == Reallocated::moved);
  CHECK(block.data() != first);
  CHECK(block.layout() == bytes(9_words));
  CHECK(intact(block, 3_words));
  CHECK(words_in_use(heap) == 12);
  CHECK(heap.counters().live == 2);
  CHECK(granted(heap.reallocate(block, 2_words)) == Reallocated::in_place);
  CHECK(block.layout() == bytes(2_words));
  CHECK(intact(block, 2_words));
  CHECK(granted(heap.reallocate(block, 2_words)) == Reallocated::in_place);
  CHECK(granted(heap.reallocate(block, 2_words - 3)) == Reallocated::in_place);
  CHECK(words_in_use(heap) == 5);
}

TEST_CASE("an alignment is kept, and so is a size of zero") {
  TestHeap heap(1024);
  auto block = granted(heap.allocate({.size = 8, .align = 64}));
  const auto wall = filled(heap, 100);
  CHECK(granted(heap.reallocate(block, 100)) == Reallocated::moved);
  CHECK(block.layout() == mneme::Layout{.size = 100, .align = 64});
  CHECK(reinterpret_cast<std::uintptr_t>(block.data()) % 64 == 0);
  CHECK(granted(heap.reallocate(block, 0)) == Reallocated::in_place);
  CHECK(block.bytes().empty());
  CHECK(granted(heap.reallocate(block, 4_words)) == Reallocated::in_place);
}

TEST_CASE("an owner that is empty gets its first memory") {
  TestHeap heap(64_words);
  Plain block;
  CHECK(granted(heap.reallocate(block, 3_words)) == Reallocated::moved);
  CHECK(block.bytes().size() == 3_words);
  mneme::FixedVec<int> numbers;
  CHECK(granted(heap.reallocate(numbers, 4)) == Reallocated::moved);
  CHECK(numbers.capacity() == 4);
  CHECK(numbers.empty());
}

TEST_CASE("arrays and vectors count in elements") {
  TestHeap heap(64_words);
  auto array = granted(heap.make_array<int>(std::vector{1, 2, 3}));
  const auto wall = filled(heap, 1_words);
  CHECK(granted(heap.reallocate(array, 9)) == Reallocated::moved);
  CHECK(array == granted(heap.make_array<int>(std::vector{1, 2, 3, 0, 0, 0, 0, 0, 0})));
  CHECK(granted(heap.reallocate(array, 2)) == Reallocated::in_place);
  CHECK(array == granted(heap.make_array<int>(std::vector{1, 2})));
  CHECK(failed(heap.reallocate(array, SIZE_MAX / 2)) == AllocError::too_large);
  CHECK(array.size() == 2);
  TestHeap other(64_words);
  auto vec = granted(other.make_fixed_vec<std::uint16_t>(2));
  vec.push_back(7);
  vec.push_back(8);
  CHECK(granted(other.reallocate(vec, 20)) == Reallocated::in_place);
  CHECK(vec.capacity() == 20);
  CHECK(vec.size() == 2);
  vec.push_back(9);
  CHECK(vec.back() == 9);
  CHECK(granted(other.reallocate(vec, 1)) == Reallocated::in_place);
  CHECK(vec.size() == 1);
  CHECK(vec.full());
  CHECK(vec.back() == 7);
}

TEST_CASE("it waits in its turn, while its owner has the old memory") {
  TestHeap heap(20_words);
  auto block = filled(heap, 3_words);
  auto hog = granted(heap.allocate(bytes(9_words)));
  auto before = heap.allocate(bytes(6_words));  // 6 words are free
  CHECK(!before.poll());
  Alarm alarm;
  auto longer = heap.reallocate(block, 4_words);
  CHECK(!longer.poll(alarm.waker()));
  auto behind = heap.allocate(bytes(1_words));
  CHECK(!behind.poll());
  CHECK(heap.counters().waiting == 3);
  CHECK(intact(block, 3_words));
  std::memset(block.data(), 5, 3_words);
  hog.reset();
  CHECK(before.state() == RequestState::granted);
  CHECK(alarm.rings() == 1);
  CHECK(block.layout() == bytes(3_words));  // until the result is taken
  CHECK(granted(longer) == Reallocated::moved);
  CHECK(block.bytes()[0] == std::byte{5});
  CHECK(block.bytes()[3_words - 1] == std::byte{5});
  CHECK(granted(behind).data() != nullptr);
  (void)granted(before);
}

TEST_CASE("while it waits, it is granted in place once there is room behind it") {
  for (const std::size_t more : {1_words, 2_words, 5_words}) {
    TestHeap heap(20_words);
    auto block = filled(heap, 9_words);
    auto hog = granted(heap.allocate(bytes(5_words)));
    const void* const place = block.data();
    Alarm alarm;
    auto longer = heap.reallocate(block, 9_words + more);
    CHECK(!longer.poll(alarm.waker()));
    hog.reset();
    CHECK(alarm.rings() == 1);
    CHECK(heap.is_locked() == (more == 1_words));
    CHECK(granted(longer) == Reallocated::in_place);
    CHECK(!heap.is_locked());
    CHECK(block.data() == place);
    CHECK(block.layout() == bytes(9_words + more));
    CHECK(intact(block, 9_words));
    CHECK(heap.counters().live == 1);
    std::memset(block.data(), 1, 9_words + more);
  }
}

TEST_CASE("cancelled in any state, it leaves the old block as it was, and nothing is lost") {
  for (const bool moves : {false, true}) {
    for (const std::size_t more : {1_words, 2_words, 5_words}) {
      for (const bool is_granted : {false, true}) {
        for (const bool is_destroyed : {false, true}) {
          TestHeap heap(28_words);
          auto first = granted(heap.allocate(bytes(16_words)));
          auto block = filled(heap, 2_words);
          auto hog = granted(heap.allocate(bytes(7_words)));
          std::optional longer{heap.reallocate(block, 2_words + more)};
          CHECK(!longer->poll());
          auto behind = heap.allocate(bytes(5_words));
          CHECK(!behind.poll());
          if (is_granted) (moves ? first : hog).reset();
          CHECK((longer->state() == RequestState::granted) == is_granted);
          is_destroyed ? longer.reset() : longer->cancel();
          CHECK(!heap.is_locked());
          CHECK(heap.counters().deferred == 0);
          if (!is_destroyed) CHECK(failed(*longer) == AllocError::cancelled);
          CHECK(block.layout() == bytes(2_words));
          CHECK(intact(block, 2_words));
          first.reset();
          hog.reset();
          CHECK(granted(behind).data() != nullptr);
          CHECK(heap.counters().live == 1);
          CHECK(words_in_use(heap) == 3);
        }
      }
    }
  }
}

TEST_CASE("a deadline, a close and a poll without a coroutine") {
  TestHeap heap(20_words);
  mneme::TickTimer<tests::CriticalSection> timer;
  auto block = filled(heap, 9_words);
  auto hog = granted(heap.allocate(bytes(5_words)));
  std::optional<AllocError> error;
  std::optional<Reallocated> done;
  const auto grow = [&](std::size_t size, unsigned ticks) -> Task {
    const auto result = co_await heap.reallocate(block, size).until(timer.at(ticks));
    result ? void(done = *result) : void(error = result.error());
  };
  {
    const Task late = grow(12_words, 5);
    timer.advance(5);
    while (heap.poll() > 0) {
    }
    CHECK(error == AllocError::timed_out);
    CHECK(intact(block, 9_words));
    const Task soon = grow(12_words, 9);
    hog.reset();
    CHECK(heap.poll() == 1);
    CHECK(done == Reallocated::in_place);
  }
  hog = granted(heap.allocate(bytes(2_words)));
  auto closed = heap.reallocate(block, 14_words);
  CHECK(!closed.poll());
  heap.close();
  CHECK(failed(closed) == AllocError::closed);
  CHECK(failed(heap.reallocate(block, 14_words)) == AllocError::closed);
  CHECK(block.layout() == bytes(12_words));
  CHECK(granted(heap.reallocate(block, 3_words)) == Reallocated::in_place);
}

TEST_CASE("what can never fit is refused at once: also beside the old block, where that is") {
  TestHeap heap(20_words);
  auto first = granted(heap.allocate(bytes(7_words)));
  auto block = filled(heap, 3_words);
  CHECK(failed(heap.reallocate(block, 30_words)) == AllocError::too_large);
  CHECK(failed(heap.reallocate(block, 12_words)) == AllocError::too_large);  // 13 of 8 or 12
  CHECK(heap.counters().refusals == 2);
  CHECK(intact(block, 3_words));
  auto hog = granted(heap.allocate(bytes(7_words)));
  auto longer = heap.reallocate(block, 11_words);  // in the last 12 words
  CHECK(!longer.poll());
  first.reset();
  CHECK(longer.state() == RequestState::waiting);
  hog.reset();
  CHECK(granted(longer) == Reallocated::in_place);
}

TEST_CASE("refused at once, too: no room for its alignment, or in either bank of a Chain") {
  alignas(256) static std::array<std::byte, 1024> region;
  const auto test = []<class Raw>(std::type_identity<Raw>) {
    mneme::BasicHeap<Raw> heap(region);
    auto first = filled(heap, 600);
    auto block = granted(heap.allocate({.size = 8, .align = 256}));
    REQUIRE(static_cast<std::byte*>(block.data()) == &region[768]);
    CHECK(failed(heap.reallocate(block, 513)) == AllocError::too_large);  // 505 before, 256 behind
    auto longer = heap.reallocate(block, 496);
    CHECK(!longer.poll());
    first.reset();
    CHECK(granted(longer) == Reallocated::moved);
  };
  test(std::type_identity<mneme::Bounded>());
  test(std::type_identity<mneme::FirstFit>());
  test(std::type_identity<mneme::Quarantining<mneme::Bounded, 3>>());
  tests::Region banks(90_words);
  using Chain = mneme::Chain<mneme::Bounded, mneme::Bounded>;
  mneme::BasicHeap<Chain> heap(banks.bytes().first(10_words), banks.bytes().last(24_words));
  auto small = filled(heap, 9_words);
  auto first = filled(heap, 11_words);
  auto block = filled(heap, 3_words);
  auto hog = filled(heap, 7_words);
  CHECK(failed(heap.reallocate(block, 12_words)) == AllocError::too_large);  // 13 of 12 words
  auto longer = heap.reallocate(block, 11_words);
  CHECK(!longer.poll());
  first.reset();
  CHECK(granted(longer) == Reallocated::moved);
  auto whole = heap.reallocate(small, 23_words);
  CHECK(!whole.poll());
  block.reset();
  hog.reset();
  CHECK(granted(whole) == Reallocated::moved);
}

TEST_CASE("it becomes shorter at once, whoever waits, and if the heap is locked") {
  for (const std::size_t less : {0_words, 2_words, 3_words}) {
    for (const bool locked : {false, true}) {
      TestHeap heap(20_words);
      auto block = filled(heap, 6_words);
      auto hog = granted(heap.allocate(bytes(8_words)));
      auto waits = heap.allocate(bytes(8_words));
      CHECK(!waits.poll());
      auto guard = locked ? heap.try_lock() : mneme::Guard<Heap>();
      CHECK(granted(heap.reallocate(block, 6_words - less)) == Reallocated::in_place);
      CHECK(heap.counters().deferred == (locked && less > 0 ? 1 : 0));
      CHECK(heap.counters().live == 2);
      guard.unlock();
      CHECK(block.layout() == bytes(6_words - less));
      CHECK(intact(block, 6_words - less));
      CHECK(words_in_use(heap) == 16 - less / word_bytes);
      CHECK(sound(heap));
      CHECK(heap.counters().live == 2);
      CHECK(heap.counters().deferred == 0);
      hog.reset();
      (void)granted(waits);
    }
  }
}

TEST_CASE(
    "by a single word it takes its turn if the heap is locked, and keeps the lock until then") {
  TestHeap heap(20_words);
  auto block = filled(heap, 6_words);
  auto guard = heap.try_lock();
  for (const bool is_cancelled : {true, false}) {
    auto shorter = heap.reallocate(block, 5_words);
    CHECK(!shorter.poll());
    guard.unlock();
    CHECK(shorter.state() == RequestState::granted);
    CHECK(heap.is_locked());
    if (is_cancelled) {
      shorter.cancel();
      CHECK(block.layout() == bytes(6_words));
      CHECK(words_in_use(heap) == 7);
      guard = heap.try_lock();
    } else {
      CHECK(granted(shorter) == Reallocated::in_place);
      CHECK(words_in_use(heap) == 6);
    }
  }
  CHECK(!heap.is_locked());
  CHECK(intact(block, 5_words));
}

namespace {

/// Some blocks that become longer and shorter at random, some of them while the heap is locked, and
/// some cancelled: each keeps its bytes.
template <class AnyHeap>
void reallocate_at_random(unsigned seed, std::size_t max) {
  tests::BasicTestHeap<AnyHeap> heap(60_words);
  using AnyBlock = mneme::Allocation<AnyHeap>;
  using Request = mneme::Reallocation<AnyBlock, AnyHeap>;
  struct Entry {
    AnyBlock block;
    unsigned char seed = 0;
    std::optional<Request> request{};
  };
  std::mt19937 random(seed);
  std::vector<std::unique_ptr<Entry>> entries;
  const auto check = [&](Entry& entry) {
    REQUIRE(intact(entry.block, entry.block.bytes().size(), entry.seed));
  };
  const auto fill = [&](Entry& entry, std::size_t from) {
    for (std::size_t i = from; i < entry.block.bytes().size(); ++i)
      entry.block.bytes()[i] = static_cast<std::byte>(i * 7 + entry.seed);
  };
  for (int step = 0; step < 300; ++step) {
    auto guard = random() % 3 == 0 ? heap.try_lock() : mneme::Guard<AnyHeap>();
    if (entries.size() < 5 && random() % 2 == 0) {
      const std::size_t size = random() % max;
      if (void* const memory = heap.try_allocate(bytes(size)); memory != nullptr) {
        const auto own = static_cast<unsigned char>(random());
        entries.push_back(std::make_unique<Entry>(AnyBlock::from_leaked(memory, bytes(size)), own));
        fill(*entries.back(), 0);
      }
    }
    for (auto& entry : entries) {
      check(*entry);
      if (!entry->request && random() % 3 == 0) {
        entry->request.emplace(heap.reallocate(entry->block, random() % max));
      }
      if (!entry->request) continue;
      const std::size_t old = entry->block.bytes().size();
      if (auto answer = entry->request->poll()) {
        if (answer->has_value()) {
          REQUIRE(intact(entry->block, std::min(old, entry->block.bytes().size()), entry->seed));
          fill(*entry, old);
        }
        entry->request.reset();
      } else if (random() % 8 == 0) {
        entry->request.reset();
        check(*entry);
      }
    }
    std::erase_if(entries, [&](auto& entry) { return !entry->request && random() % 12 == 0; });
    guard.unlock();
    REQUIRE(sound(heap));
    REQUIRE((heap.is_locked() || heap.counters().deferred == 0));
    REQUIRE(heap.counters().live >= entries.size());
  }
  for (auto& entry : entries) entry->request.reset();
}

}  // namespace

TEST_CASE("random reallocations keep all bytes, on each raw heap and with each policy") {
  using mneme::BasicHeap;
  for (unsigned seed = 0; seed < 30; ++seed) {
    reallocate_at_random<Heap>(seed, 14_words);
    reallocate_at_random<BasicHeap<mneme::FirstFit>>(seed, 14_words);
    reallocate_at_random<BasicHeap<mneme::WideBounded>>(seed, 14_words);
    reallocate_at_random<BasicHeap<mneme::Pool<8_words>>>(seed, 9_words);
    reallocate_at_random<BasicHeap<mneme::Quarantining<mneme::Bounded, 3>>>(seed, 14_words);
    reallocate_at_random<BasicHeap<mneme::FirstFit, tests::CriticalSection, mneme::Overtaking<2>>>(
        seed, 14_words);
  }
}

TEST_CASE("on a Chain a block stays in its bank, or moves to the other") {
  tests::Region region(40_words);
  using Banks = mneme::BasicHeap<mneme::Chain<mneme::Bounded, mneme::Bounded>>;
  Banks heap(region.bytes().first(16_words), region.bytes().last(24_words));
  auto block = filled(heap, 11_words);
  CHECK(granted(heap.reallocate(block, 15_words)) == Reallocated::in_place);
  CHECK(granted(heap.reallocate(block, 20_words)) == Reallocated::moved);
  CHECK(intact(block, 11_words));
  CHECK(failed(heap.reallocate(block, 30_words)) == AllocError::too_large);
}

TEST_CASE("on a Chain a block becomes longer than a slot of a Pool only by a move") {
  tests::Region region(60_words);
  using Banks = mneme::BasicHeap<mneme::Chain<mneme::Pool<7_words>, mneme::Bounded>>;
  Banks heap(region.bytes().first(16_words), region.bytes().last(44_words));
  auto block = filled(heap, 5_words);
  auto next = filled(heap, 7_words);
  for (const bool locked : {true, false}) {
    auto guard = locked ? heap.try_lock() : mneme::Guard<Banks>();
    CHECK(granted(heap.reallocate(block, 7_words)) == Reallocated::in_place);
    auto longer = heap.reallocate(block, 20_words);
    CHECK(longer.poll().has_value() != locked);
    CHECK(block.layout() == bytes(locked ? 7_words : 20_words));
  }
  CHECK(intact(block, 5_words));
  CHECK(intact(next, 7_words));
  CHECK(heap.validate() == nullptr);
}

TEST_CASE("a recording has the resize, and the free of the old block after a move") {
  mneme::RecordSlot places[64];
  mneme::Recorder recorder{places, mneme::WhenFull::stop};
  tests::BasicTestHeap<mneme::BasicHeap<mneme::Recorded<mneme::FirstFit>>> heap(30_words);
  mneme::record(heap, recorder);
  {
    auto block = granted(heap.allocate(bytes(6_words)));
    auto guard = heap.try_lock();
    CHECK(granted(heap.reallocate(block, 2_words)) == Reallocated::in_place);
    guard.unlock();
    auto wall = granted(heap.allocate(bytes(9_words)));
    CHECK(granted(heap.reallocate(block, 12_words)) == Reallocated::moved);
  }
  const std::string dump = tests::dump_of(recorder);
  const auto count_of = [&](const std::string& word) {
    std::size_t count = 0;
    for (std::size_t at = 0; (at = dump.find('\n' + word, at)) != std::string::npos; ++at) ++count;
    return count;
  };
  CHECK(count_of("alloc ") == 3);
  CHECK(count_of("free ") == 3);
  CHECK(count_of("resize ") == 1);
}

#if MNEME_CHECKED > 0
TEST_CASE("misuse is fatal: an owner of another heap, and one that is changed while it waits") {
  const auto line_of = [](auto misuse) {
    return mneme::test::fatal_line_of([&] {
      TestHeap heap(20_words);
      auto block = filled(heap, 3_words);
      misuse(heap, block);
    });
  };
  CHECK(line_of([](Heap&, Plain& block) {
          TestHeap other(20_words);
          (void)other.reallocate(block, 5_words).poll();
        }) == "mneme: fatal: foreign pointer: not in this heap's region");
  CHECK(line_of([](Heap& heap, Plain& block) {
          auto guard = heap.try_lock();
          auto longer = heap.reallocate(block, 5_words);
          (void)longer.poll();
          (void)block.leak();
          guard.unlock();
          (void)longer.poll();
        }) == "mneme: fatal: an owner was changed while its reallocation waited");
  for (const bool is_freed : {false, true}) {
    CHECK(line_of([&](Heap& heap, Plain& block) {
            auto hog = granted(heap.allocate(bytes(14_words)));
            auto longer = heap.reallocate(block, 5_words);
            (void)longer.poll();
            auto other = heap.reallocate(block, 6_words);
            (void)other.poll();
            if (is_freed) block.reset();
            hog.reset();  // grants
          }) == "mneme: fatal: an owner was changed while its reallocation waited");
  }
}
#endif

TEST_CASE("a cancel on another thread and a grant in place leave one of both") {
  TestHeap heap(20_words);
  for (int round = 0; round < 300; ++round) {
    auto block = filled(heap, 9_words);
    auto hog = granted(heap.allocate(bytes(5_words)));
    std::optional<bool> was_granted;
    auto longer = heap.reallocate(block, 13_words);
    const auto grow = [](auto& request, std::optional<bool>& done) -> Task {
      const auto result = co_await request;
      done = result.has_value();
    };
    {
      const Task task = grow(longer, was_granted);
      std::jthread cancels([&] { longer.cancel(); });
      hog.reset();
      while (!was_granted) heap.poll();
    }
    REQUIRE(block.layout() == bytes(*was_granted ? 13_words : 9_words));
    REQUIRE(intact(block, 9_words));
  }
}
