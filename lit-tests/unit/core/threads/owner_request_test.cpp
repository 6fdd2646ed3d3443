// purpose: shows how coroutines wait: in their frames, resumed by poll() alone, or by a waker.
// layer: tests; includes mneme and the tests' support.
// threads: one, but for the last two tests, where tasks are resumed on other threads.
// invariants: each heap is whole at the end of its test; waiting takes no memory (P10).
// RUN: %runner %build/tests/owner_request_test
// RUN: %if valgrind %{ %helgrind %this %}
// UNSUPPORTED: tysan
// TypeSanitizer takes variables that share bytes of a coroutine's frame for one object.
#include <array>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "support/names.hpp"

using namespace tests::names;
using examples::run;

namespace {

using Log = std::string;

/// Takes a block of `size` bytes, notes its name, and keeps the block in `place`.
Task take(Heap& heap, std::size_t size, Allocation<>& place, Log& log, char name) {
  auto block = co_await heap.allocate(bytes(size));
  log += name;
  if (block) place = *std::move(block);
}

/// Takes a block and gives it back as it ends.
Task pass(Heap& heap, std::size_t size, Log& log, char name) {
  auto block = co_await heap.allocate(bytes(size));
  log += block ? name : '!';
}

/// What a coroutine awaits to learn its own handle; it does not wait.
struct OwnHandle {
  std::coroutine_handle<> handle{};
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  [[nodiscard]] bool await_suspend(std::coroutine_handle<> own) noexcept {
    handle = own;
    return false;
  }
  [[nodiscard]] std::coroutine_handle<> await_resume() const noexcept { return handle; }
};

}  // namespace

TEST_CASE("with room, a task goes on without waiting") {
  TestHeap heap(256);
  Allocation<> place;
  Log log;
  const Task task = take(heap, 100, place, log, 'a');
  CHECK(task.done());
  CHECK(log == "a");
  CHECK(heap.stats().waits == 0);
}

TEST_CASE("a free grants a waiting task but never resumes it; poll does, once") {
  TestHeap heap(256);
  Log log;
  auto hog = granted(heap.allocate(bytes(240)));
  Allocation<> place;
  const Task task = take(heap, 100, place, log, 'a');
  CHECK(!task.done());
  CHECK(heap.poll() == 0);
  hog.reset();
  CHECK(heap.stats().live == 1);  // granted: the memory is reserved
  CHECK(!task.done());
  CHECK(sound(heap));
  CHECK(!task.done());
  CHECK(heap.poll() == 1);
  CHECK(task.done());
  CHECK(heap.poll() == 0);
}

TEST_CASE("one poll resumes all who were granted, in the order of their arrival") {
  TestHeap heap(512);
  Log log;
  auto hog = granted(heap.allocate(bytes(496)));
  std::array<Allocation<>, 4> places;
  std::vector<Task> tasks;
  for (std::size_t i = 0; i < 4; ++i) {
    tasks.push_back(take(heap, 100, places[i], log, static_cast<char>('a' + i)));
  }
  hog.reset();
  CHECK(log.empty());
  CHECK(heap.poll() == 4);
  CHECK(log == "abcd");
}

TEST_CASE("the request of a waiting task is part of its frame: it asks the heap for nothing") {
  TestHeap heap(256);
  Log log;
  auto hog = granted(heap.allocate(bytes(240)));
  const std::size_t used = heap.stats().used_bytes;
  std::array<Allocation<>, 3> places;
  std::vector<Task> tasks;
  for (auto& place : places) tasks.push_back(take(heap, 50, place, log, 'a'));
  CHECK(heap.stats().waiting == 3);
  CHECK(heap.stats().used_bytes == used);
  hog.reset();
  heap.poll();
}

TEST_CASE("destroying a waiting task withdraws it, wherever it stands in the queue") {
  for (std::size_t victim = 0; victim < 3; ++victim) {
    TestHeap heap(256);
    Log log;
    auto hog = granted(heap.allocate(bytes(240)));
    std::vector<std::optional<Task>> tasks(3);
    for (std::size_t i = 0; i < 3; ++i) {
      tasks[i].emplace(pass(heap, 200, log, static_cast<char>('a' + i)));
    }
    tasks[victim].reset();
    CHECK(heap.stats().waiting == 2);
    CHECK(sound(heap));
    hog.reset();
    while (heap.poll() > 0) CHECK(sound(heap));
    CHECK(log == Log("abc").erase(victim, 1));
  }
}

TEST_CASE("destroying a task that was granted but not resumed passes its memory on") {
  TestHeap heap(256);
  Log log;
  auto hog = granted(heap.allocate(bytes(240)));
  std::optional<Task> first(pass(heap, 200, log, 'a'));
  const Task second = pass(heap, 200, log, 'b');
  hog.reset();
  first.reset();
  CHECK(sound(heap));
  CHECK(heap.poll() == 1);
  CHECK(log == "b");
}

TEST_CASE("tasks that become ready during a poll are left to the next one") {
  TestHeap heap(256);
  Log log;
  auto hog = granted(heap.allocate(bytes(240)));
  std::vector<Task> tasks;
  for (const char name : {'a', 'b', 'c'}) tasks.push_back(pass(heap, 200, log, name));
  hog.reset();
  // Each ends as it is resumed, and frees the memory that the next one waits for.
  for (const char* const so_far : {"a", "ab", "abc"}) {
    CHECK(heap.poll() == 1);
    CHECK(log == so_far);
  }
  CHECK(heap.poll() == 0);
}

TEST_CASE("that holds too if a task that is ready is destroyed during the poll") {
  TestHeap heap(512);
  Log log;
  auto hog = granted(heap.allocate(bytes(496)));
  std::optional<Task> victim;
  auto kill = [](Heap& home, std::optional<Task>& task, Log& into) -> Task {
    auto block = co_await home.allocate(bytes(240));
    into += 'k';
    task.reset();
  };
  const Task killer = kill(heap, victim, log);
  victim.emplace(pass(heap, 240, log, 'v'));
  const Task later = pass(heap, 240, log, 'l');
  hog.reset();              // the killer and its victim are ready, the third still waits
  CHECK(heap.poll() == 1);  // it gets their memory, but was not ready when the poll began
  CHECK(log == "k");
  CHECK(heap.poll() == 1);
  CHECK(log == "kl");
}

TEST_CASE("tasks that wait again while they are resumed do not keep a poll from ending") {
  TestHeap heap(256);
  Log log;
  bool stop = false;
  auto loop = [](Heap& home, const bool& stopped, Log& into, char name) -> Task {
    while (!stopped) {
      auto block = co_await home.allocate(bytes(200));
      into += name;
      // As its block goes, the one behind it is granted. So in the next turn it waits again.
    }
  };
  auto hog = granted(heap.allocate(bytes(240)));
  std::vector<Task> tasks;
  for (const char name : {'a', 'b', 'c'}) tasks.push_back(loop(heap, stop, log, name));
  hog.reset();
  for (int turn = 0; turn < 7; ++turn) CHECK(heap.poll() == 1);
  CHECK(log == "abcabca");
  stop = true;
  CHECK(run(heap, tasks[0], tasks[1], tasks[2]));
}

TEST_CASE("a task may poll the heap that has resumed it") {
  TestHeap heap(512);
  Log log;
  auto hog = granted(heap.allocate(bytes(496)));
  auto poller = [](Heap& home, Log& into) -> Task {
    auto block = co_await home.allocate(bytes(100));
    into += '(';
    CHECK(home.poll() == 1);
    into += ')';
  };
  const Task outer = poller(heap, log);
  const Task inner = pass(heap, 100, log, 'i');
  hog.reset();
  CHECK(heap.poll() == 1);  // the other one was resumed by the poll inside
  CHECK(log == "(i)");
}

TEST_CASE("close ends waiting tasks by the next poll, with `closed`") {
  TestHeap heap(256);
  Log log;
  const auto hog = granted(heap.allocate(bytes(240)));
  const Task first = pass(heap, 200, log, 'a');
  const Task second = pass(heap, 8, log, 'b');
  heap.close();
  CHECK(log.empty());
  CHECK(heap.poll() == 2);
  CHECK(log == "!!");
  CHECK(pass(heap, 8, log, 'c').done());
  CHECK(log == "!!!");
}

TEST_CASE("a task may await a request that it has made before, once") {
  TestHeap heap(256);
  AllocError second_answer{};
  auto work = [](Heap& home, AllocError& error) -> Task {
    auto request = home.make<int>(5);
    const auto box = co_await request;
    CHECK(*box.value() == 5);
    CHECK(request.state() == mneme::RequestState::taken);
    error = (co_await home.make_array<std::uint64_t>(SIZE_MAX)).error();
  };
  const Task task = work(heap, second_answer);
  CHECK(task.done());
  CHECK(second_answer == AllocError::too_large);
}

TEST_CASE("a request that was polled by hand may be awaited after all, and keeps its place") {
  TestHeap heap(256);
  Log log;
  Alarm alarm;
  auto work = [](Heap& home, Alarm& bell, Log& into) -> Task {
    auto request = home.allocate(bytes(200));
    CHECK(!request.poll(bell.waker()));
    auto behind = home.allocate(bytes(200));
    CHECK(!behind.poll(bell.waker()));
    {
      const auto block = co_await request;
      into += block ? 'a' : '!';
    }
    CHECK(behind.state() == mneme::RequestState::granted);
    const auto block = co_await behind;  // there is no need to wait for it any more
    into += block ? 'b' : '!';
  };
  auto hog = granted(heap.allocate(bytes(240)));
  const Task task = work(heap, alarm, log);
  hog.reset();
  CHECK(alarm.rings() == 0);  // the coroutine has taken the waker's place
  CHECK(heap.poll() == 1);
  CHECK(log == "ab");
  CHECK(alarm.rings() == 1);
}

TEST_CASE("what a constructor throws comes out of co_await, and the memory is back") {
  TestHeap heap(32_words);
  Log log;
  auto hog = granted(heap.allocate(bytes(30_words)));
  auto work = [](Heap& home, Log& into) -> Task {
    try {
      (void)co_await home.make<Probe>(1);
    } catch (const std::runtime_error&) {
      into = "no probe";
    }
  };
  const Task task = work(heap, log);
  hog.reset();
  Probe::throw_after = 0;
  heap.poll();
  CHECK(log == "no probe");
  CHECK(heap.stats().used_bytes == 0);
}

TEST_CASE("a task may wait on two heaps in turn; each poll resumes only its own") {
  TestHeap left(128);
  TestHeap right(128);
  auto left_hog = granted(left.allocate(bytes(120)));
  auto right_hog = granted(right.allocate(bytes(120)));
  Log log;
  auto work = [](Heap& one, Heap& two, Log& into) -> Task {
    const auto first = co_await one.make<int>(1);
    into += 'l';
    const auto second = co_await two.make<int>(2);
    into += 'r';
  };
  const Task task = work(left, right, log);
  left_hog.reset();
  right_hog.reset();
  CHECK(right.poll() == 0);
  CHECK(left.poll() == 1);
  CHECK(log == "lr");  // by then the other heap had room
}

TEST_CASE("all owners can be awaited") {
  TestHeap heap(1024);
  auto hog = granted(heap.allocate(bytes(1000)));
  auto work = [](Heap& home) -> Task {
    const auto box = co_await home.make<Probe>(1);
    const auto array = co_await home.make_array<Probe>(2);
    const auto vec = co_await home.make_fixed_vec<Probe>(3);
    const auto arc = co_await home.make_arc<Probe>(4);
    CHECK(Probe::alive == 4);
    CHECK((*box)->value + (*arc)->value == 5);
  };
  const Task task = work(heap);
  CHECK(!run(heap, task));  // nobody is there to free: a deadlock, and seen as one
  hog.reset();
  CHECK(run(heap, task));
  CHECK(Probe::alive == 0);
}

namespace {

/// Wakes a task by putting it on a list of its own, as an event loop would.
struct WakingLoop {
  std::coroutine_handle<> ready{};
  std::coroutine_handle<> sleeper{};
  static void wake(void* context) noexcept {
    auto& loop = *static_cast<WakingLoop*>(context);
    loop.ready = loop.sleeper;
  }
};

Task sleep_on(Heap& heap, WakingLoop& loop, Log& log) {
  loop.sleeper = co_await OwnHandle{};
  auto box = co_await heap.make<Probe>(1).wake_by({WakingLoop::wake, &loop});
  log += box ? 'b' : '!';
  auto block = co_await heap.allocate(bytes(8)).wake_by({WakingLoop::wake, &loop});
  log += block ? 'r' : '!';
}

}  // namespace

TEST_CASE("a task with a waker of its own is left to its loop, not to poll") {
  TestHeap heap(32_words);
  Log log;
  WakingLoop loop;
  auto hog = granted(heap.allocate(bytes(30_words)));
  const Task task = sleep_on(heap, loop, log);
  CHECK(!loop.ready);
  hog.reset();
  CHECK(loop.ready);
  CHECK(heap.poll() == 0);
  CHECK(log.empty());
  loop.ready.resume();
  CHECK(log == "br");  // the second request had room, so its waker was not needed
  CHECK(task.done());
}

TEST_CASE("one poll reclaims, grants and resumes, in that order: it runs what it made room for") {
  TestHeap heap(256);
  Log log;
  void* const first = heap.try_allocate(bytes(100));
  void* const second = heap.try_allocate(bytes(100));
  const Task a = pass(heap, 100, log, 'a');
  const Task b = pass(heap, 100, log, 'b');
  heap.defer_free(first, bytes(100));
  heap.defer_free(second, bytes(100));
  CHECK(log.empty());
  CHECK(heap.poll() == 2);
  CHECK(log == "ab");
}

TEST_CASE("a task may be resumed on a thread other than the one that began it") {
  TestHeap heap(256);
  for (int round = 0; round < 50; ++round) {
    Log log;
    std::optional<Allocation<>> hog(granted(heap.allocate(bytes(240))));
    const Task task = pass(heap, 100, log, 'a');
    std::jthread([&] { hog.reset(); }).join();
    std::jthread([&] { CHECK(heap.poll() == 1); }).join();
    CHECK(log == "a");
  }
}

TEST_CASE("threads that poll at once share the tasks: each is resumed once, by one of them") {
  constexpr int tasks_count = 64;
  constexpr int rounds = 20;
  TestHeap heap(4096);
  mneme::Atomic<int> resumed{0};
  mneme::Atomic<int> polled{0};
  mneme::Atomic<int> done{0};
  auto work = [](Heap& home, mneme::Atomic<int>& into, mneme::Atomic<int>& ended) -> Task {
    for (int round = 0; round < rounds; ++round) {
      auto number = co_await home.make<int>(round);
      into += static_cast<int>(number.has_value());
    }
    ++ended;
  };
  auto guard = heap.try_lock();  // so that all of them begin by waiting
  std::vector<Task> tasks;
  for (int i = 0; i < tasks_count; ++i) tasks.push_back(work(heap, resumed, done));
  guard.unlock();
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 3; ++i) {
      threads.emplace_back([&] {
        while (done < tasks_count) {
          polled += static_cast<int>(heap.poll());
          std::this_thread::yield();
        }
      });
    }
  }
  CHECK(resumed == tasks_count * rounds);
  CHECK(polled >= tasks_count);
  for (const auto& task : tasks) CHECK(task.done());
}
