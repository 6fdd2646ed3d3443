// purpose: the base of what a unit test explores: a heap, tasks, and what they share.
// layer: testing; includes L0–L3, task and world_base.
// threads: one.
// invariants: each world of an exploration has its memory at the same addresses.
#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "../basic_heap.hpp"
#include "../heap.hpp"
#include "objects.hpp"
#include "task.hpp"
#include "watched.hpp"
#include "world_base.hpp"

namespace mneme::inline MNEME_SETTINGS::testing {

static_assert(MNEME_QUARANTINE == 0, "a quarantine delays frees: explore without one");

/// A heap that can be explored.
template <RawHeap Raw = Bounded>
using HeapOf = BasicHeap<Watched<Raw>>;
using Heap = HeapOf<>;

/// Derive from this, with a constructor that takes the size of the heap and makes the tasks:
///
///     struct Sensors : mneme::testing::World {
///       Semaphore credits{*this, "credits", 2};
///       explicit Sensors(std::size_t bytes) : World(bytes) {
///         task("imu", imu(heap));
///         tasks("worker", 3, [&] { return worker(heap, credits); });
///       }
///     };
///
/// It is made anew for each schedule, or a part of one. Tasks may depend on what they awaited, on
/// Semaphore, Mailbox and Shared, and on the blocks that they hold: on nothing else that another
/// task changes, and not on addresses, clocks or random numbers. An exploration looks for
/// differences, and says so.
template <RawHeap Raw = Bounded>
class BasicWorld : public WorldBase {
 public:
  using Heap = HeapOf<Raw>;
  // By these names in a world, wherever that is.
  using Semaphore = testing::Semaphore;
  template <class T>
  using Mailbox = testing::Mailbox<T>;
  template <class T>
  using Shared = testing::Shared<T>;
  using Task = testing::Task;

  explicit BasicWorld(std::size_t heap_bytes) : heap{memory().take(heap_bytes)} {
    watch(0, "heap", heap);
  }
  virtual ~BasicWorld() {
    end();
    close_heap(0);
  }

  /// A task: a Task, or what makes a coroutine of any other type, which then starts in the task's
  /// first step.
  void task(std::string name, Task task) {
    add(std::move(name), new_program(), false, std::move(task));
  }
  template <std::invocable Make>
  void task(std::string name, Make make) {
    add_made(std::move(name), new_program(), make);
  }
  /// `count` identical tasks, name1, name2, …: an exploration takes advantage of that.
  template <std::invocable Make>
  void tasks(const std::string& name, std::size_t count, Make make) {
    const std::uint8_t program = new_program();
    for (std::size_t copy = 1; copy <= count; ++copy) {
      add_made(name + std::to_string(copy), program, make);
    }
  }
  /// A task that plays an interrupt's part: it need not come to its end.
  void isr(std::string name, Task task) {
    add(std::move(name), new_program(), true, std::move(task));
  }

 private:
  void add(std::string name, std::uint8_t program, bool is_isr, Task task) {
    const Task::Handle frame = task.release();
    add_task(std::move(name), program, is_isr, frame, frame.promise());
  }
  template <class Make>
  void add_made(std::string name, std::uint8_t program, Make make) {
    using Made = std::invoke_result_t<Make&>;
    if constexpr (std::is_same_v<Made, Task>) {
      add(std::move(name), program, false, make());
    } else {
      add_other(std::move(name), program, [make]() mutable -> std::shared_ptr<void> {
        return std::make_shared<Made>(make());
      });
    }
  }

 public:
  Heap heap;
};

/// One more heap of a world, as a member of it: `MoreHeap<> dma{*this, "dma", 8192};`, and
/// `dma.heap` for the tasks.
template <RawHeap Raw = Bounded>
class MoreHeap {
 public:
  MoreHeap(WorldBase& world, std::string name, std::size_t heap_bytes)
      : world_{world}, index_{world.heaps().size()}, heap{world.memory().take(heap_bytes)} {
    world_.watch(index_, std::move(name), heap);
  }
  ~MoreHeap() {
    world_.end();
    world_.close_heap(index_);
  }

 private:
  WorldBase& world_;
  std::size_t index_;

 public:
  HeapOf<Raw> heap;
};

/// A world on the default raw heap.
class World : public BasicWorld<> {
 public:
  using BasicWorld::BasicWorld;
};

}  // namespace mneme::inline MNEME_SETTINGS::testing
