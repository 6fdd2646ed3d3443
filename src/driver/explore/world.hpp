// purpose: the tasks of a script on a real heap, step by step; its memory is saved and restored.
// layer: explore; includes execute, program.
// threads: one owner.
// invariants: the heap, its region and all that changes are in one arena, at one address.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "driver/execute/driver_heap.hpp"
#include "driver/execute/region.hpp"
#include "driver/language/program.hpp"
#include "move.hpp"

namespace mneme::driver {

/// Where the executor may go on with another task.
enum class Switches : std::uint8_t { anywhere, waits };

struct WorldOptions {
  std::uint64_t heap_bytes = 0;
  std::size_t raw_row = 0;
  Switches switches = Switches::anywhere;
  /// Tells layouts apart even where all blocks have one size.
  bool is_exact = false;
};

/// A block that a name or a mailbox holds; none if `offset` is 0, where no payload can be.
struct HeldBlock {
  std::uint32_t offset = 0;  // of the payload, from the start of the region
  std::uint32_t size_bytes = 0;
  std::uint16_t name = 0;  // of the task that requested it; task `tasks().size()`: the boot
  std::uint8_t task = 0;
  std::uint8_t align_exponent = 0;
};

enum class TaskState : std::uint8_t { ready, waiting, done };

/// One of the tasks, all copies apart, in the order of the script.
struct TaskInstance {
  const TaskProgram* program = nullptr;
  std::string name;
  std::uint8_t program_index = 0;
  bool is_endless = false;
  std::size_t slots = 0;  // its first name in the world's slots
  std::size_t loops = 0;  // its first counter
};

/// What a step did.
struct StepResult {
  bool waits = false;    // its request has to wait
  bool refused = false;  // its `alloc … try` was
  bool gave_up = false;  // a request that could time out
  std::uint32_t grants = 0;
  std::uint32_t lasting_grants = 0;  // of those, of requests that could not time out
  std::size_t offset = 0;            // of the payload it got at once
};

/// Whether the steps of this kind are the heap's.
[[nodiscard]] constexpr bool is_of_heap(OpKind kind) {
  return kind == OpKind::alloc || kind == OpKind::free || kind == OpKind::push ||
         kind == OpKind::clone;
}

/// A step of the heap that went before the tasks.
struct BootStep {
  const ProgramStep* step = nullptr;
  HeldBlock block;  // that it made or freed
};

/// A growth of the heap that changes nothing, however large.
inline constexpr std::size_t no_growth = std::numeric_limits<std::size_t>::max();

class World {
 public:
  /// Carries out what goes before the tasks. Throws ScriptError if that would have to wait, or if a
  /// request could not even be met by an empty heap.
  World(const Program& program, const WorldOptions& options);
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  ~World();

  [[nodiscard]] const Program& program() const { return program_; }
  [[nodiscard]] const WorldOptions& options() const { return options_; }
  [[nodiscard]] std::span<const TaskInstance> tasks() const {
    return std::span(tasks_).first(tasks_.size() - 1);
  }
  [[nodiscard]] const DriverHeap& heap() const { return *heap_; }
  [[nodiscard]] std::span<const BootStep> boot_steps() const { return boot_steps_; }

  /// Whether a task can take its next step, by itself and by the rule of switches.
  [[nodiscard]] bool can_step(std::size_t task) const;
  /// How many ways the next step can go.
  [[nodiscard]] std::size_t choices(std::size_t task) const;
  [[nodiscard]] StepResult step(Move move);

  /// The next step as it goes by a choice.
  [[nodiscard]] std::string text_of(Move move) const;

  [[nodiscard]] TaskState state_of(std::size_t task) const { return control(task).state; }
  /// The step that a task is at, or the request it waits for; nullptr if it is done.
  [[nodiscard]] const ProgramStep* current_step(std::size_t task) const;
  /// The tasks whose requests wait, the oldest first.
  [[nodiscard]] std::span<const std::uint8_t> queue() const {
    return {queue_, static_cast<std::size_t>(head_->queued)};
  }
  /// What a waiting task asks for.
  [[nodiscard]] Layout request_of(std::size_t task) const;
  /// Whether a request waits that cannot time out.
  [[nodiscard]] bool has_lasting_request() const;
  /// The block behind a name of a task; task `tasks().size()`: of what went before.
  [[nodiscard]] const HeldBlock& held(std::size_t task, std::size_t name) const;
  [[nodiscard]] std::span<const HeldBlock> mailbox(std::size_t index) const;
  [[nodiscard]] std::string name_of(const HeldBlock& block) const;
  /// The semaphores and mailboxes, a bit each, that a task which is no isr stands before.
  [[nodiscard]] std::uint64_t blocking_objects() const;
  /// Whether a task that is no isr, and does not go on for ever, is not at its end.
  [[nodiscard]] bool has_unfinished() const;
  [[nodiscard]] bool is_blocked_by_object(std::size_t task) const;

  /// The bytes that the block of a request takes.
  [[nodiscard]] static std::size_t block_bytes(std::size_t payload_bytes) {
    return BlockLayout::size_with_header(payload_bytes);
  }
  /// By how much the heap would have to be larger for the head of the queue to be granted now, or
  /// for the last `try` that was refused: of first fit and the bounded heap, whose placement of
  /// blocks depends on the region's end in no other way.
  [[nodiscard]] std::size_t missing_at_end(std::size_t size_bytes, std::size_t align_bytes) const;
  [[nodiscard]] std::size_t least_growth() const;
  /// Whether least_growth() is exact.
  [[nodiscard]] bool knows_growth() const;

  /// Whether all blocks have one size, so that a request is granted if and only if less than so
  /// many blocks are there, on any raw heap. Then states are told apart by the number of blocks,
  /// and not by where they are.
  [[nodiscard]] bool counts_blocks() const { return counts_blocks_; }

  /// Whether states can be copied; else they are made again from the beginning.
  [[nodiscard]] bool can_copy() const { return can_copy_; }
  [[nodiscard]] std::size_t snapshot_bytes() const { return arena_bytes_; }
  void save(std::byte* to) const;
  void load(const std::byte* from);
  /// As behind the constructor.
  void restart();

  /// Identifies the state: equal for two states from which the same can follow, identical tasks
  /// exchanged. Holds until the next call.
  [[nodiscard]] std::span<const std::byte> identity();
  /// Whether an identical task before this one is in the same state, so that its step is the same.
  /// As of the last identity().
  [[nodiscard]] std::size_t twin_of(std::size_t task) const { return twins_[task]; }

 private:
  struct Control {
    std::uint32_t at = 0;  // the step
    TaskState state = TaskState::ready;
    std::uint8_t choice = 0;  // of the request that waits
  };
  struct Head {
    std::uint64_t queued = 0;
    std::uint32_t current = 0;   // the task that runs, with Switches::waits
    std::size_t try_growth = 0;  // of the last `try`
  };
  using HeapRequest = Request<DriverHeap>;

  [[nodiscard]] Control& control(std::size_t task) const { return controls_[task]; }
  void lay_out();
  void make_heap();
  void run_boot();
  void take_apart();
  [[noreturn]] void fail_step(const ProgramStep& step, std::string message) const;
  [[nodiscard]] static Layout layout_of(const ProgramStep& step, std::uint64_t size_bytes) {
    return {.size = size_bytes, .align = step.align_bytes};
  }
  void check_requests(const TaskProgram& task) const;
  [[nodiscard]] bool is_able(std::size_t task) const;
  [[nodiscard]] bool is_object_ready(const ProgramStep& step) const;
  [[nodiscard]] bool is_held_up(std::size_t task) const;
  void allocate(std::size_t task, std::size_t choice, const ProgramStep& step, StepResult& result);
  void give_up(std::size_t task);
  void hold(std::size_t task, const ProgramStep& step, std::size_t size_bytes, const void* payload);
  [[nodiscard]] bool has_other_owner(const HeldBlock& block) const;
  void free_block(HeldBlock& block);
  void open_to_tools() const;
  void sort_copies(std::size_t first, std::size_t copies, std::size_t start);
  void take_grants(StepResult& result);
  void go_on(std::size_t task);
  [[nodiscard]] bool has_one_size() const;
  void put_block(const HeldBlock& block);
  void put_task(std::size_t task);
  void put_raw_heap();
  void put(const void* from, std::size_t size_bytes);
  template <class T>
  void put(T value) {
    put(&value, sizeof value);
  }

  const Program& program_;
  WorldOptions options_;
  std::vector<TaskInstance> tasks_;  // and the boot, as one more
  bool can_copy_ = false;
  bool counts_blocks_ = false;
  bool has_atomic_ = false;
  bool has_clones_ = false;
  std::size_t arena_bytes_ = 0;
  std::vector<std::size_t> mailbox_starts_;
  std::optional<Region> arena_;
  // In the arena:
  DriverHeap* heap_ = nullptr;
  Head* head_ = nullptr;
  Control* controls_ = nullptr;
  HeldBlock* slots_ = nullptr;
  HeldBlock* mail_ = nullptr;
  std::uint64_t* mail_counts_ = nullptr;
  std::uint64_t* semaphores_ = nullptr;
  std::uint64_t* loops_ = nullptr;
  std::uint8_t* queue_ = nullptr;
  std::byte* heap_place_ = nullptr;
  std::byte* request_places_ = nullptr;
  // Not in it:
  std::vector<HeapRequest*> requests_;  // by task; each at its place since it first waited
  std::vector<BootStep> boot_steps_;
  std::vector<std::byte> pristine_;  // an empty heap
  std::vector<std::byte> booted_;
  std::vector<std::byte> identity_;
  std::vector<std::byte> sorted_;
  std::vector<std::size_t> twins_;
  std::vector<std::size_t> order_;
};

}  // namespace mneme::driver
