// purpose: the tasks of a world, step by step, and what tells its states apart.
// layer: testing; includes L0, watched, operation and identity.
// threads: one.
// invariants: a task runs in its own steps and when its request is granted, and never else.
#pragma once

#include <algorithm>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <source_location>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "../layout.hpp"
#include "move.hpp"
#include "operation.hpp"
#include "search.hpp"
#include "watched.hpp"
#include "world_memory.hpp"

namespace mneme::inline MNEME_SETTINGS::testing {

/// What a task's coroutine leaves behind.
struct TaskPromise {
  std::exception_ptr error;
  std::coroutine_handle<> whole;  // that this one is a part of
};

/// What `require` throws.
class Violation : public std::exception {
 public:
  Violation(const char* what, const std::source_location& where) : what_{what}, where_{where} {}
  [[nodiscard]] const char* what() const noexcept override { return what_; }
  [[nodiscard]] const std::source_location& where() const noexcept { return where_; }

 private:
  const char* what_;
  std::source_location where_;
};

/// Ends an exploration with a violation, and the schedule that leads to it, unless `good`.
inline void require(bool good, const char* what = "a requirement is not met",
                    const std::source_location& where = std::source_location::current()) {
  if (!good) throw Violation{what, where};
}

using Bytes = std::vector<std::byte>;

template <class T>
  requires std::has_unique_object_representations_v<T>
void put(Bytes& to, const T& value) {
  const auto bytes = std::as_bytes(std::span(&value, 1));
  to.insert(to.end(), bytes.begin(), bytes.end());
}

/// A block that some task, mailbox or the world holds.
struct Block {
  std::byte* start = nullptr;  // its header
  std::size_t size = 0;
  std::size_t heap = 0;
  std::size_t owner = 0;      // a task, or one of WorldBase's objects behind `tasks_max`
  std::uint32_t receipt = 0;  // the number of blocks that its owner had received before
  bool is_freed = false;      // and held back
  std::size_t maker = 0;      // the task that requested it
  std::source_location where{};
};

class WorldBase;

/// What tasks share: its contents are part of a state.
class Object {
 public:
  Object(WorldBase& world, std::string name);
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;
  virtual ~Object() = default;

  virtual void put_identity(Bytes& to) const = 0;
  [[nodiscard]] const std::string& name() const { return name_; }

 protected:
  [[nodiscard]] WorldBase& world() const { return world_; }
  [[nodiscard]] std::size_t index() const { return index_; }
  /// What a task waits for that cannot go on: one of two things.
  [[nodiscard]] std::uint64_t bit(unsigned which) const {
    return std::uint64_t{1} << ((2 * index_ + which) % 64);
  }

 private:
  WorldBase& world_;
  std::string name_;
  std::size_t index_;
};

/// The result of a step.
struct TaskStep {
  bool waits = false;
  bool gave_up = false;
  std::uint32_t lasting_grants = 0;  // of requests that cannot be given up
  std::vector<std::size_t> granted;  // the tasks
};

/// What went wrong in a task.
struct Failure {
  enum class Kind : std::uint8_t { violation, exception, leak, too_large };
  Kind kind{};
  std::string task;
  std::string what;
  std::source_location where;
};

/// One of the tasks of a world.
struct TaskRecord {
  std::string name;
  std::uint8_t program = 0;  // the same for identical tasks
  bool is_isr = false;
  bool is_other_type = false;  // no Task; it can be switched at its requests only
  std::coroutine_handle<> frame;
  TaskPromise* promise = nullptr;
  std::function<std::shared_ptr<void>()> begin;  // of another type: its first step
  std::shared_ptr<void> coroutine;               // of another type, once it has begun
  std::vector<std::coroutine_handle<>> due;      // of another type, granted
  std::size_t requests = 0;                      // of another type, that wait
  Operation* next = nullptr;                     // that it has announced
  std::source_location where;                    // of the last operation
  bool is_waiting = false;
  std::size_t wanted_heap = 0;
  BlockLayout wanted{};  // of its last request that was not granted at once
  std::uint32_t operations = 0;
  std::uint32_t receipts = 0;
  std::uint64_t history = 0;      // a hash of what it received
  std::vector<std::byte*> freed;  // blocks to be given back, one a step; nullptr: again()
};

/// What a heap of a world does for it, whatever its type.
struct WorldHeap {
  std::string name;
  WatchedRaw* raw = nullptr;
  const std::byte* base = nullptr;
  void* heap = nullptr;
  void (*look)(void*) = nullptr;  // at its requests
  std::coroutine_handle<> (*take_ready)(void*) = nullptr;
  std::size_t (*waiting)(void*) = nullptr;
  std::size_t (*used)(void*) = nullptr;
  std::size_t (*capacity)(void*) = nullptr;
  std::vector<std::size_t> queue;  // tasks whose requests wait, the oldest first
  std::size_t granted = 0;         // of those, since they were last looked at
};

/// The part of a World that does not depend on its raw heap.
class WorldBase : public Watcher {
 public:
  /// The world whose task runs.
  [[nodiscard]] static WorldBase& running() { return *running_world; }

  // For explorations.

  /// Lets all tasks run to their first operations.
  void begin(Switches switches, std::uint64_t endless);
  /// Makes it a failure that a request is larger than the empty heap.
  void fail_if_too_large() { fails_if_too_large_ = true; }
  /// Destroys the tasks.
  void end();

  [[nodiscard]] std::size_t task_count() const { return tasks_.size(); }
  [[nodiscard]] const TaskRecord& task_at(std::size_t task) const { return tasks_[task]; }
  [[nodiscard]] std::uint8_t program_of(std::size_t task) const { return tasks_[task].program; }
  [[nodiscard]] bool can_step(std::size_t task) const;
  [[nodiscard]] std::size_t choices(std::size_t task) const;
  [[nodiscard]] TaskStep step(Move move);
  [[nodiscard]] std::span<const std::byte> identity();
  [[nodiscard]] std::size_t twin_of(std::size_t task) const { return twins_[task]; }
  /// The tasks in an order that is the same in each two states with one identity. As of the last
  /// identity().
  [[nodiscard]] std::span<const std::size_t> sorted_tasks() const { return order_; }
  [[nodiscard]] bool has_lasting_request() const;
  [[nodiscard]] bool has_unfinished() const;
  [[nodiscard]] std::uint64_t blocking_objects() const;
  void observe(Observed& seen) const;
  [[nodiscard]] bool is_done(std::size_t task) const;
  [[nodiscard]] bool is_blocked(std::size_t task) const {
    return !is_able(task) && !is_done(task) && !tasks_[task].is_waiting;
  }
  [[nodiscard]] std::uint64_t endless() const { return endless_; }
  [[nodiscard]] const std::optional<Failure>& failure() const { return failure_; }
  [[nodiscard]] std::span<const WorldHeap> heaps() const { return heaps_; }
  [[nodiscard]] std::span<const Block> blocks() const { return blocks_; }
  [[nodiscard]] const Block* block_at(const std::byte* start) const;
  /// Called at the end of this world, with the blocks that nothing owned.
  void on_leak(std::function<void(const std::vector<Block>&)> call) { on_leak_ = std::move(call); }

  // For what tasks await.

  void announce(Operation& operation) { tasks_[current_].next = &operation; }
  void received(std::uint64_t value) { mix(tasks_[current_].history, value); }
  void begin_again();
  /// The block of a payload changes hands.
  void move_block(const void* payload, std::size_t owner);
  void receive_block(const void* payload) { move_block(payload, current_); }
  std::size_t add_object(Object& object);
  void put_place(Bytes& to, const void* payload) const;
  [[nodiscard]] WorldMemory& memory() const { return *memory_; }
  /// Takes back the blocks that are left, at the end of a heap.
  void close_heap(std::size_t heap);
  template <class Heap>
  void watch(std::size_t index, std::string name, Heap& heap);
  [[nodiscard]] static std::size_t owner_of(std::size_t object) { return tasks_max + 1 + object; }

  static void mix(std::uint64_t& hash, std::uint64_t value) {
    hash = (hash ^ value) * 0x9e3779b97f4a7c15U;
    hash ^= hash >> 29U;
  }

 protected:
  WorldBase() { Watcher::active = running_world = this; }
  ~WorldBase() {
    if (Watcher::active == this) Watcher::active = nullptr;
    if (running_world == this) running_world = nullptr;
    if (on_leak_) on_leak_(leaked_);
  }

  void add_task(std::string name, std::uint8_t program, bool is_isr, std::coroutine_handle<> frame,
                TaskPromise& promise);
  void add_other(std::string name, std::uint8_t program,
                 std::function<std::shared_ptr<void>()> begin);
  [[nodiscard]] std::uint8_t new_program() { return programs_++; }

 private:
  // For raw heaps, which know a Watcher. NOLINTBEGIN(misc-override-with-different-visibility)
  std::size_t on_raw_heap(WatchedRaw& raw, const std::byte* base) noexcept override;
  void on_request(std::size_t heap, BlockLayout layout, bool fits_empty) noexcept override;
  [[nodiscard]] bool admits(std::size_t heap) noexcept override;
  void on_allocate(std::size_t heap, BlockLayout layout, std::byte* block) noexcept override;
  [[nodiscard]] bool holds_back(std::size_t heap, std::byte* block,
                                std::size_t size) noexcept override;
  // NOLINTEND(misc-override-with-different-visibility)

  static constexpr std::size_t nobody = tasks_max;

  /// Closed while a task of another type runs, so that it stops at each request. A request tries to
  /// allocate, then asks whether the empty heap is large enough, may try once more, and waits. An
  /// attempt of which that is not true is a try_allocate.
  struct Gate {
    bool is_closed = false;
    bool is_refused = false;  // a first attempt
    bool may_repeat = false;  // there may be a second one
    bool is_misused = false;
    std::size_t waiting = 0;  // requests that should wait now
  };
  [[nodiscard]] std::size_t waiting_requests() const;

  [[nodiscard]] bool is_able(std::size_t task) const;
  void start(std::size_t task, std::size_t choice, TaskStep& result);
  void start_other(std::size_t task, TaskStep& result);
  void run(std::size_t task, std::coroutine_handle<> from);
  void give_back(std::size_t task);
  void give_up(std::size_t task);
  void pass_again_marks(TaskRecord& task);
  void look_at_requests(TaskStep& result);
  void take_grant(WorldHeap& heap, std::coroutine_handle<> ready, TaskStep& result);
  void put_task(std::size_t task);
  void put_block(Bytes& to, const Block& block) const;
  void sort_identity(std::size_t first, std::size_t end);

  inline static thread_local WorldBase* running_world = nullptr;

  WorldMemory own_memory_;
  WorldMemory* memory_ = WorldMemory::active == nullptr ? &own_memory_ : WorldMemory::active;
  std::function<void(const std::vector<Block>&)> on_leak_;
  std::vector<Block> leaked_;
  std::vector<TaskRecord> tasks_;
  std::vector<WorldHeap> heaps_;
  std::vector<Object*> objects_;
  std::vector<Block> blocks_;
  std::size_t current_ = nobody;   // whose code runs
  std::size_t executed_ = nobody;  // the task that the executor is at, with Switches::waits
  Switches switches_ = Switches::anywhere;
  std::uint64_t endless_ = 0;
  std::uint8_t programs_ = 0;
  bool is_ending_ = false;
  Gate gate_;
  bool was_too_small_ = false;
  bool fails_if_too_large_ = false;
  std::size_t missed_growth_ = no_growth;
  std::optional<Failure> failure_;
  Bytes identity_;
  std::vector<Bytes> parts_;
  std::vector<std::size_t> order_;
  std::vector<std::size_t> twins_;
};

template <class Heap>
void WorldBase::watch(std::size_t index, std::string name, Heap& heap) {
  WorldHeap& slot = heaps_[index];
  slot.name = std::move(name);
  slot.heap = &heap;
  slot.look = [](void* self) { (void)static_cast<Heap*>(self)->extend(0); };
  slot.take_ready = [](void* self) { return static_cast<Heap*>(self)->take_ready(); };
  slot.waiting = [](void* self) { return static_cast<Heap*>(self)->counters().waiting; };
  slot.used = [](void* self) {
    const Heap& own = *static_cast<Heap*>(self);
    return own.capacity_bytes() - own.raw().free_bytes();
  };
  slot.capacity = [](void* self) { return static_cast<Heap*>(self)->capacity_bytes(); };
}

}  // namespace mneme::inline MNEME_SETTINGS::testing

#include "world_state.hpp"
#include "world_step.hpp"  // last: the members
