// RUN: %runner %build/tests/ring_test
// purpose: shows which entries a ring keeps and which it counts as lost, also when threads meet.
// layer: tests; includes recording.
// threads: several write while one reads.
// invariants: none.
#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <mneme/recording/ring.hpp>
#include <thread>
#include <utility>
#include <vector>

using namespace mneme;

namespace {

template <std::size_t size>
struct Numbers {
  explicit Numbers(WhenFull when_full) : ring(slots, when_full) {}

  std::array<RingSlot<int>, size> slots{};
  Ring<int> ring;

  void put_up_to(int last) {
    for (int number = 1; number <= last; ++number) ring.put(number);
  }
  /// The numbers that are kept, and that of those which are lost.
  std::pair<std::vector<int>, std::size_t> read() {
    std::vector<int> kept;
    const std::size_t lost = ring.read([&](int number) { kept.push_back(number); });
    return {kept, lost};
  }
};

using Kept = std::pair<std::vector<int>, std::size_t>;

TEST_CASE("a ring that overwrites keeps the newest entries, and counts the others") {
  Numbers<4> numbers(WhenFull::overwrite);
  CHECK(numbers.read() == Kept{{}, 0});
  numbers.put_up_to(3);
  CHECK(numbers.read() == Kept{{1, 2, 3}, 0});
  numbers.put_up_to(4);
  CHECK(numbers.read() == Kept{{1, 2, 3, 4}, 3});
  numbers.put_up_to(1);
  CHECK(numbers.read() == Kept{{2, 3, 4, 1}, 4});
}

TEST_CASE("a ring that stops keeps the oldest entries, and counts the others") {
  Numbers<4> numbers(WhenFull::stop);
  numbers.put_up_to(4);
  CHECK(numbers.read() == Kept{{1, 2, 3, 4}, 0});
  numbers.put_up_to(5);
  CHECK(numbers.read() == Kept{{1, 2, 3, 4}, 5});
}

TEST_CASE("a ring uses a power of two of its places, and none if it has none") {
  Numbers<7> seven(WhenFull::overwrite);
  seven.put_up_to(5);
  CHECK(seven.ring.size() == 4);
  CHECK(seven.read() == Kept{{2, 3, 4, 5}, 1});
  for (const WhenFull when_full : {WhenFull::overwrite, WhenFull::stop}) {
    Ring<int> none({}, when_full);
    none.put(1);
    none.put(2);
    CHECK(none.read([](int) { CHECK(false); }) == 2);
  }
}

TEST_CASE("an entry that comes while its place is read is lost, as is one that is overwritten") {
  Numbers<2> numbers(WhenFull::overwrite);
  numbers.put_up_to(2);
  std::vector<int> kept;
  // As an interrupt in the middle of a dump: it may replace what is not read yet.
  const std::size_t lost = numbers.ring.read([&](int number) {
    kept.push_back(number);
    if (number == 1) numbers.put_up_to(2);
  });
  CHECK(kept == std::vector{1});
  CHECK(lost == 1);
  CHECK(numbers.read() == Kept{{1, 2}, 2});
}

/// An entry during whose assignment an interrupt comes, once.
struct Interrupted {
  static inline void (*handler)() = nullptr;
  static inline Ring<Interrupted>* ring = nullptr;  // that the handler writes to
  static inline int nested = 0;

  int number = 0;
  bool is_assigned_to = false;

  Interrupted() = default;
  explicit Interrupted(int value) : number(value) {}
  Interrupted(const Interrupted&) = default;
  Interrupted& operator=(const Interrupted& other) {
    if (is_assigned_to) ++nested;
    is_assigned_to = true;
    if (const auto interrupt = std::exchange(handler, nullptr)) interrupt();
    number = other.number;
    is_assigned_to = false;
    return *this;
  }
};

TEST_CASE("an interrupt that fills a ring leaves out the place that it found half written") {
  std::array<RingSlot<Interrupted>, 2> slots{};
  Ring<Interrupted> ring(slots, WhenFull::overwrite);
  Interrupted::ring = &ring;
  Interrupted::handler = [] {
    for (int i = 2; i <= 3; ++i) Interrupted::ring->put(Interrupted(i));
  };
  ring.put(Interrupted(1));
  std::vector<int> kept;
  const std::size_t lost =
      ring.read([&](const Interrupted& entry) { kept.push_back(entry.number); });
  CHECK(kept == std::vector{2});
  CHECK(lost == 2);
  CHECK(Interrupted::nested == 0);
}

/// The halves of a pair are always equal.
struct Halves {
  std::uint32_t left = 0;
  std::uint32_t right = 0;
};

TEST_CASE("threads that write, and one that reads meanwhile, never see half an entry") {
  constexpr std::uint32_t writers = 3;
  constexpr std::uint32_t each = 400;
  std::array<RingSlot<Halves>, 4> slots{};
  Ring<Halves> ring(slots, WhenFull::overwrite);
  std::atomic<bool> torn{false};
  const auto check = [&](Halves entry) {
    if (entry.left != entry.right) torn = true;
  };
  std::vector<std::thread> threads;
  for (std::uint32_t writer = 0; writer < writers; ++writer) {
    threads.emplace_back([&, writer] {
      for (std::uint32_t i = 1; i <= each; ++i) {
        const std::uint32_t number = writer * each + i;
        ring.put({.left = number, .right = number});
      }
    });
  }
  for (int round = 0; round < 50; ++round) (void)ring.read(check);
  for (std::thread& thread : threads) thread.join();
  std::size_t kept = 0;
  const std::size_t lost = ring.read([&](Halves entry) {
    check(entry);
    ++kept;
  });
  CHECK_FALSE(torn);
  CHECK(kept <= 4);
  CHECK(kept + lost == writers * each);
}

}  // namespace
