// purpose: shows, by counting objects, that a Box is a pointer that owns, however it is moved.
// layer: tests; includes mneme and the tests' support.
// threads: the last test frees on threads other than the maker's.
// invariants: each heap is whole at the end of its test.
// RUN: %runner %build/tests/box_test
// RUN: %if valgrind %{ %helgrind %this %}
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "support/effort.hpp"
#include "support/fatal_line.hpp"
#include "support/names.hpp"

using namespace tests::names;
using mneme::Box;

static_assert(sizeof(Box<int>) == sizeof(int*));
static_assert(sizeof(Box<std::array<char, 1000>>) == sizeof(int*));
static_assert(!std::is_copy_constructible_v<Box<int>>);
static_assert(!std::is_copy_assignable_v<Box<int>>);
static_assert(std::is_nothrow_move_constructible_v<Box<int>>);
static_assert(std::is_nothrow_move_assignable_v<Box<int>>);

TEST_CASE("a box holds its object in the heap and destroys it once") {
  TestHeap heap(1024);
  {
    const Box<Probe> box = granted(heap.make<Probe>(7));
    CHECK(box->value == 7);
    CHECK((*box).value == 7);
    CHECK(box.get() == &*box);
    CHECK(static_cast<bool>(box));
    CHECK(Probe::alive == 1);
    CHECK(heap.stats().used_bytes == 2_words);  // the probe's word and the header's
    CHECK(sound(heap));
  }
  CHECK(Probe::alive == 0);
}

TEST_CASE("an aggregate may be built from its first members alone, without a warning") {
  struct Pair {
    int first;
    char text[20];
  };
  TestHeap heap(1024);
  const Box<Pair> box = granted(heap.make<Pair>(4));
  CHECK(box->first == 4);
  CHECK(box->text[19] == 0);
}

TEST_CASE("an empty box owns nothing") {
  Box<Probe> box;
  CHECK(!box);
  CHECK(box.get() == nullptr);
  box.reset();
  CHECK(box.leak() == nullptr);
}

TEST_CASE("moving a box moves the ownership and empties the source") {
  TestHeap heap(1024);
  Box<Probe> first = granted(heap.make<Probe>(1));
  Box<Probe> second = granted(heap.make<Probe>(2));
  const Probe* const object = first.get();

  Box<Probe> third(std::move(first));
  CHECK(third.get() == object);
  CHECK(!first);  // NOLINT(bugprone-use-after-move): that it is empty is the claim

  third = std::move(second);  // drops probe 1
  CHECK(Probe::alive == 1);
  CHECK(third->value == 2);
  CHECK(!second);  // NOLINT(bugprone-use-after-move)
  CHECK(sound(heap));

  third = std::move(first);  // an empty box over a full one drops it
  CHECK(Probe::alive == 0);
}

TEST_CASE("a box moved to itself keeps its object") {
  TestHeap heap(1024);
  Box<Probe> box = granted(heap.make<Probe>(5));
  Box<Probe>& same = box;
  box = std::move(same);
  CHECK(box->value == 5);
  CHECK(Probe::alive == 1);
}

TEST_CASE("reset may be called again") {
  TestHeap heap(1024);
  Box<Probe> box = granted(heap.make<Probe>());
  box.reset();
  CHECK(Probe::alive == 0);
  CHECK(heap.stats().live == 0);
  box.reset();
  CHECK(sound(heap));
}

TEST_CASE("a leaked object lives on until it is taken over again") {
  TestHeap heap(1024);
  Probe* object = nullptr;
  {
    Box<Probe> box = granted(heap.make<Probe>(3));
    object = box.leak();
    CHECK(!box);
  }
  CHECK(Probe::alive == 1);
  CHECK(heap.stats().live == 1);
  const Box<Probe> again = Box<Probe>::from_leaked(object);
  CHECK(again->value == 3);
}

TEST_CASE("objects without state are legal, distinct, and free cleanly") {
  struct Nothing {};
  static_assert(std::is_empty_v<Nothing>);
  TestHeap heap(32_words);
  std::vector<Box<Nothing>> boxes;
  for (int i = 0; i < 16; ++i) boxes.push_back(granted(heap.make<Nothing>()));
  for (std::size_t i = 1; i < boxes.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) CHECK(boxes[i].get() != boxes[j].get());
  }
  CHECK(heap.stats().used_bytes == 32_words);  // two words each, not one byte more
  CHECK(sound(heap));
}

template <std::size_t align>
struct alignas(align) Aligned {
  std::byte first{};
};

TEST_CASE_TEMPLATE("over-aligned objects are aligned, beside others of any size", T, Aligned<16>,
                   Aligned<64>, Aligned<4096>) {
  TestHeap heap(5 * 4096);
  for (std::size_t gap = 0; gap < 64; gap += 8) {
    const auto before = granted(heap.allocate(bytes(gap)));
    const Box<T> first = granted(heap.make<T>());
    const auto between = granted(heap.allocate(bytes(gap)));
    const Box<T> second = granted(heap.make<T>());
    CHECK(mneme::address_of(first.get()) % alignof(T) == 0);
    CHECK(mneme::address_of(second.get()) % alignof(T) == 0);
    CHECK(sound(heap));
  }
}

TEST_CASE("a constructor that throws gives the memory back") {
  TestHeap heap(256);
  Probe::throw_after = 0;
  auto request = heap.make<Probe>(1);
  CHECK_THROWS_WITH((void)request.poll(), "no probe");
  CHECK(Probe::alive == 0);
  CHECK(heap.stats().used_bytes == 0);
  CHECK(request.state() == mneme::RequestState::taken);
  CHECK(failed(request) == mneme::AllocError::cancelled);  // its answer was the exception
}

TEST_CASE("a constructor that throws lets the next request have the memory") {
  TestHeap heap(32);
  auto hog = granted(heap.allocate(bytes(24)));
  auto thrower = heap.make<Probe>(1);
  auto patient = heap.allocate(bytes(24));
  CHECK(!thrower.poll());
  CHECK(!patient.poll());
  hog.reset();  // grants the thrower's request
  Probe::throw_after = 0;
  CHECK_THROWS((void)thrower.poll());
  const auto block = granted(patient);
  CHECK(block.layout() == bytes(24));
}

struct Everything {
  std::string text;
  std::unique_ptr<int> owned;
  int& referred;
};

TEST_CASE("arguments are kept by value until the grant, moved in, and referred to if asked for") {
  TestHeap heap(1024);
  auto hog = granted(heap.allocate(bytes(1000)));
  int number = 1;
  std::string text = "a text that is too long to be kept without memory of its own";
  auto request = heap.make<Everything>(text, std::make_unique<int>(2), std::ref(number));
  CHECK(!request.poll());
  const std::string kept = std::exchange(text, "changed");
  hog.reset();
  const Box<Everything> box = granted(request);
  CHECK(box->text == kept);
  CHECK(*box->owned == 2);
  box->referred = 3;
  CHECK(number == 3);
}

TEST_CASE("arguments of a request that is never granted are destroyed with it") {
  TestHeap heap(32_words);
  struct Keeper {
    explicit Keeper(Probe&& probe) : kept(std::move(probe)) {}
    Probe kept;
  };
  {
    const auto hog = granted(heap.allocate(bytes(30_words)));
    auto request = heap.make<Keeper>(Probe(9));
    CHECK(!request.poll());
    CHECK(Probe::alive == 1);
  }
  CHECK(Probe::alive == 0);
}

struct Link {
  int number;
  Box<Link> next;
};

TEST_CASE("a chain of boxes drops itself") {
  TestHeap heap(100 * 32);
  Box<Link> head;
  for (int i = 0; i < 100; ++i) head = granted(heap.make<Link>(i, std::move(head)));
  CHECK(heap.stats().live == 100);
  head.reset();
  CHECK(heap.stats().live == 0);
}

TEST_CASE("a destructor may use the heap that its object lies in") {
  struct Greedy {
    explicit Greedy(Heap& home) : heap(home) {}
    Greedy(const Greedy&) = delete;
    Greedy& operator=(const Greedy&) = delete;
    ~Greedy() {
      void* const memory = heap.try_allocate(bytes(8));
      CHECK(memory != nullptr);
      heap.free(memory, bytes(8));
    }
    Heap& heap;
  };
  TestHeap heap(256);
  Box<Greedy> box = granted(heap.make<Greedy>(std::ref(static_cast<Heap&>(heap))));
  box.reset();
  CHECK(sound(heap));
}

TEST_CASE("a box is empty by the time its object ends, which may look at it or reset it") {
  struct Watcher {
    Watcher(Box<Watcher>& its_box, int& count) : box(its_box), ends(count) {}
    Watcher(const Watcher&) = delete;
    Watcher& operator=(const Watcher&) = delete;
    ~Watcher() {
      ++ends;
      CHECK(!box);
      if (ends == 1) box.reset();
    }
    Box<Watcher>& box;
    int& ends;
  };
  TestHeap heap(256);
  int ends = 0;
  Box<Watcher> box;
  box = granted(heap.make<Watcher>(std::ref(box), std::ref(ends)));
  box.reset();
  CHECK(ends == 1);
  CHECK(heap.stats().live == 0);
}

TEST_CASE("a box goes back to the heap that it came from") {
  TestHeap left(256);
  TestHeap right(256);
  Box<Probe> first = granted(left.make<Probe>(1));
  Box<Probe> second = granted(right.make<Probe>(2));
  std::swap(first, second);
  first.reset();
  CHECK(right.stats().live == 0);
  CHECK(left.stats().live == 1);
}

TEST_CASE("boxes may be freed on threads other than their maker's") {
  constexpr int threads_count = 4;
  constexpr int rounds = tests::rounds(1500);
  TestHeap heap(threads_count * 16 + 32);
  std::array<mneme::Atomic<Probe*>, 3> mailboxes{};
  mneme::Atomic<int> granted_count{0};

  // Each thread puts its probe into a mailbox and frees the one that lay there, someone else's.
  auto work = [&](std::size_t seed) {
    for (std::size_t i = 0; i < rounds; ++i) {
      auto answer = heap.make<Probe>(static_cast<int>(i)).poll();
      if (!answer || !*answer) {  // no room just now: its temporary request is withdrawn at once
        std::this_thread::yield();
        continue;
      }
      granted_count.fetch_add(1, std::memory_order_relaxed);
      auto& mailbox = mailboxes[(seed + i) % mailboxes.size()];
      Probe* const other = mailbox.exchange((**answer).leak(), std::memory_order_acq_rel);
      const auto dropped = Box<Probe>::from_leaked(other);
    }
  };
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < threads_count; ++i) threads.emplace_back(work, i);
  }
  for (auto& mailbox : mailboxes) Box<Probe>::from_leaked(mailbox.load()).reset();
  CHECK(Probe::alive == 0);
  CHECK(granted_count > 0);
}

struct Animal {
  explicit Animal(int& count) : ends(count) {}
  Animal(const Animal&) = delete;
  Animal& operator=(const Animal&) = delete;
  virtual ~Animal() { ++ends; }
  [[nodiscard]] virtual int legs() const { return 0; }
  int& ends;
};
struct Sound {
  virtual ~Sound() = default;
  std::size_t volume = 7;
};
// NOLINTNEXTLINE(misc-multiple-inheritance): the second base is inside the object
struct alignas(64) Cow : Sound, Animal {
  explicit Cow(int& count) : Animal(count) {}
  [[nodiscard]] int legs() const override { return 4; }
  std::array<std::size_t, 20> stomachs{};
};

TEST_CASE("a box of a base frees all of a derived object, wherever the base lies in it") {
  TestHeap heap(4096);
  int ends = 0;
  for (const bool is_locked : {false, true}) {
    Box<Cow> cow = granted(heap.make<Cow>(std::ref(ends)));
    const std::size_t used = heap.stats().used_bytes;
    CHECK(used >= sizeof(Cow) + 1_words);
    Box<Animal> animal = std::move(cow);
    CHECK(!cow);  // NOLINT(bugprone-use-after-move): that it is empty is the claim
    CHECK(animal->legs() == 4);
    CHECK(static_cast<void*>(animal.get()) != dynamic_cast<void*>(animal.get()));
    Box<const Animal> same = std::move(animal);
    auto guard = is_locked ? heap.try_lock() : mneme::Guard<Heap>();
    same = nullptr;
    CHECK(heap.stats().deferred == (is_locked ? 1 : 0));
  }
  CHECK(ends == 2);
  CHECK(heap.stats().live == 0);
}

TEST_CASE("what a box of a derived object let go of may be owned as its base") {
  TestHeap heap(4096);
  int ends = 0;
  Box<Cow> cow = granted(heap.make<Cow>(std::ref(ends)));
  (void)Box<Sound>::from_leaked(cow.leak());
  CHECK(ends == 1);
  CHECK(heap.stats().live == 0);
}

TEST_CASE("a foreign object of a class with derived ones is detected" *
          doctest::skip(!mneme::checks_enabled)) {
  int ends = 0;
  Cow foreign(ends);
  CHECK(mneme::test::fatal_line_of([&] { Box<Animal>::from_leaked(&foreign).reset(); }) ==
        "mneme: fatal: foreign pointer: not in any heap's region");
}

TEST_CASE("boxes of what is const, of null, and equal boxes") {
  TestHeap heap(256);
  Box<const int> number = granted(heap.make<int>(4));
  CHECK(*number == 4);
  CHECK(number != nullptr);
  CHECK(number != granted(heap.make<const int>(4)));
  const int* const place = number.get();
  number = Box<const int>::from_leaked(number.leak());
  CHECK(number.get() == place);
  number = nullptr;
  CHECK(number == nullptr);
  CHECK(number == Box<const int>());
}

TEST_CASE("make of an array type makes an array") {
  TestHeap heap(256);
  CHECK(granted(heap.make<int[]>(4)).size() == 4);
  CHECK(granted(heap.make<int[5]>()).size() == 5);
}
