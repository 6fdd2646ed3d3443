// purpose: runs the tasks of a script step by step on a real heap, and can save and restore it.
// layer: explore; includes execute, program.
// threads: one owner.
// invariants: the heap, its region and all changing state are in one arena, at a fixed address.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <mneme/testing/search.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "driver/execute/driver_heap.hpp"
#include "driver/execute/region.hpp"
#include "driver/language/program.hpp"
#include "move.hpp"

namespace mneme::driver {

struct HeapOptions {
  std::uint64_t bytes = 0;
  std::size_t raw_row = 0;  // of ScriptRawHeaps
  RawArguments raw_arguments{};
  OracleQueue queue{};
};

/// Those of a script's heap lines come from `options_of`.
struct WorldOptions {
  std::vector<HeapOptions> heaps;  // as in the script
  std::size_t varied = 0;          // that which `fit` gives other sizes
  Switches switches = Switches::anywhere;
  /// Distinguishes layouts even if all blocks have the same size.
  bool is_exact = false;

  [[nodiscard]] HeapOptions& heap() { return heaps[varied]; }
  [[nodiscard]] const HeapOptions& heap() const { return heaps[varied]; }
};

/// Throws InputError if the table has no such raw heap, or none in this form.
[[nodiscard]] WorldOptions options_of(const Program& program);

/// The number of a heap; the name of the first is empty. Throws InputError if there is no such
/// heap.
[[nodiscard]] std::size_t heap_number(const Program& program, const std::string& name);

/// A block that a name or a mailbox holds; none if `offset` is 0, which no payload has.
struct HeldBlock {
  std::uint32_t offset = 0;  // of the payload, from the start of the first heap's region
  std::uint32_t size_bytes = 0;
  std::uint16_t name = 0;  // in the task that requested it; task `tasks().size()`: the boot
  std::uint8_t task = 0;
  std::uint8_t align_exponent = 0;
};

enum class TaskState : std::uint8_t { ready, waiting, done };

/// A task, in the order of the script. Each copy is a task of its own.
struct TaskInstance {
  const TaskProgram* program = nullptr;
  std::string name;
  std::uint8_t program_index = 0;
  bool is_endless = false;
  std::size_t slots = 0;  // the index of its first name in the world's slots
  std::size_t loops = 0;  // the index of its first loop counter
};

/// The result of a step.
struct StepResult {
  bool waits = false;                // its request has to wait
  bool refused = false;              // its `alloc … try` was
  bool gave_up = false;              // its request timed out
  std::uint32_t lasting_grants = 0;  // those of requests that cannot time out
  std::size_t offset = 0;            // of the payload in its heap, if granted at once
};

/// Whether the steps of this kind concern the heap.
[[nodiscard]] constexpr bool is_of_heap(OpKind kind) {
  return kind == OpKind::alloc || kind == OpKind::free || kind == OpKind::push ||
         kind == OpKind::clone || kind == OpKind::extend || kind == OpKind::resize ||
         kind == OpKind::lock || kind == OpKind::unlock;
}

/// Whether a step may request a block.
[[nodiscard]] inline bool requests(const ProgramStep& step) {
  return step.kind == OpKind::alloc || step.kind == OpKind::resize;
}

/// A step before the tasks that concerns the heap.
struct BootStep {
  const ProgramStep* step = nullptr;
  HeldBlock block;               // that it allocated, freed or resized, if it did
  std::uint32_t old_offset = 0;  // of a block before its resize
};

using testing::no_growth;
using testing::Observed;

class World {
 public:
  /// Carries out the steps before the tasks. Throws ScriptError if one of them would have to wait,
  /// or if an empty heap could not meet some request of the script.
  World(const Program& program, const WorldOptions& options);
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  ~World();

  [[nodiscard]] const Program& program() const { return program_; }
  [[nodiscard]] const WorldOptions& options() const { return options_; }
  [[nodiscard]] std::span<const TaskInstance> tasks() const {
    return std::span(tasks_).first(tasks_.size() - 1);
  }
  [[nodiscard]] std::size_t task_count() const { return tasks_.size() - 1; }
  [[nodiscard]] std::uint8_t program_of(std::size_t task) const {
    return tasks_[task].program_index;
  }
  [[nodiscard]] std::size_t heap_count() const { return heaps_.size(); }
  [[nodiscard]] const DriverHeap& heap(std::size_t heap) const { return *heaps_[heap].heap; }
  /// By how much a heap was extended so far.
  [[nodiscard]] std::size_t grown_bytes(std::size_t heap) const {
    return heaps_[heap].heap->capacity_bytes() - heaps_[heap].first_capacity;
  }
  /// The heap of a block.
  [[nodiscard]] std::size_t heap_of(const HeldBlock& block) const {
    std::size_t heap = 0;
    while (heap + 1 < heaps_.size() && heaps_[heap + 1].start <= block.offset) ++heap;
    return heap;
  }
  /// The offset of a block's payload in its heap.
  [[nodiscard]] std::size_t offset_of(const HeldBlock& block) const {
    return block.offset - heaps_[heap_of(block)].start;
  }
  [[nodiscard]] std::span<const BootStep> boot_steps() const { return boot_steps_; }

  /// Whether a task can take its next step, and the rule for switches allows it.
  [[nodiscard]] bool can_step(std::size_t task) const;
  /// The number of choices for the next step.
  [[nodiscard]] std::size_t choices(std::size_t task) const;
  [[nodiscard]] StepResult step(Move move);

  /// The text of the next step, with its choice.
  [[nodiscard]] std::string text_of(Move move) const;

  [[nodiscard]] TaskState state_of(std::size_t task) const { return control(task).state; }
  /// The next step of a task, or the request it waits for; nullptr if it is done.
  [[nodiscard]] const ProgramStep* current_step(std::size_t task) const;
  /// The tasks whose requests to a heap wait, in the order of its queue.
  [[nodiscard]] std::span<const std::uint8_t> queue(std::size_t heap) const {
    return {heaps_[heap].queue, static_cast<std::size_t>(*heaps_[heap].queued)};
  }
  /// Whether any request waits.
  [[nodiscard]] bool is_waiting() const {
    return std::ranges::any_of(heaps_, [](const HeapPart& part) { return *part.queued > 0; });
  }
  /// The task that has locked a heap.
  [[nodiscard]] std::optional<std::size_t> lock_holder(std::size_t heap) const;
  /// What was freed since, in a heap that is locked.
  [[nodiscard]] std::span<const HeldBlock> deferred(std::size_t heap) const;
  /// Those whose requests the last step granted, in the order of the queue; without its own.
  [[nodiscard]] std::span<const std::uint8_t> granted() const { return granted_; }
  /// The place of the next request of a task in a queue with levels.
  [[nodiscard]] std::uint8_t level_of(std::size_t task, const ProgramStep& step) const;
  /// The request of a waiting task.
  [[nodiscard]] Layout request_of(std::size_t task) const;
  /// Whether some request is waiting that cannot time out.
  [[nodiscard]] bool has_lasting_request() const;
  /// The block that a name of a task holds; task `tasks().size()`: the boot.
  [[nodiscard]] const HeldBlock& held(std::size_t task, std::size_t name) const;
  [[nodiscard]] std::span<const HeldBlock> mailbox(std::size_t index) const;
  [[nodiscard]] std::string name_of(const HeldBlock& block) const;
  /// Whether the next step of a task moves a block into the new one that its resize was granted.
  [[nodiscard]] bool is_to_move(std::size_t task) const {
    const ProgramStep* const step = current_step(task);
    return step != nullptr && step->kind == OpKind::resize &&
           control(task).state == TaskState::ready && held(task, step->new_name).offset != 0;
  }
  /// A bit for each semaphore and mailbox that a task waits for. An isr does not count.
  [[nodiscard]] std::uint64_t blocking_objects() const;
  /// Whether some task has not ended, not counting an isr or a task that runs forever.
  [[nodiscard]] bool has_unfinished() const;
  [[nodiscard]] bool is_blocked_by_object(std::size_t task) const;

  /// The most bytes of a heap that were used in any state that was observed.
  [[nodiscard]] std::size_t peak_bytes(std::size_t heap) const { return heaps_[heap].peak_bytes; }
  /// Whether a request to another heap than the varied one waited in such a state.
  [[nodiscard]] bool waits_elsewhere() const { return waits_elsewhere_; }
  /// All that was seen so far beside the states; and what was seen elsewhere.
  [[nodiscard]] std::vector<std::uint64_t> seen() const;
  void add_seen(std::span<const std::uint64_t> seen);
  /// The size of the block for a payload.
  [[nodiscard]] static std::size_t block_bytes(std::size_t payload_bytes) {
    return BlockLayout::size_with_header(payload_bytes);
  }
  /// Of the region, by that block.
  [[nodiscard]] std::size_t taken_bytes(std::size_t heap, std::size_t payload_bytes) const {
    const std::size_t slot_bytes = heaps_[heap].slot_bytes;
    return slot_bytes != 0 ? slot_bytes : block_bytes(payload_bytes);
  }
  /// By how many bytes the varied heap would have to grow to grant the head of its queue now, or
  /// the last refused `try`. Only for a pool, which then has one more slot, and for first fit and
  /// the bounded heap, whose placement of blocks depends on the end of the region in no other way.
  [[nodiscard]] std::size_t missing_at_end(std::size_t size_bytes, std::size_t align_bytes) const;
  [[nodiscard]] std::size_t least_growth() const;
  /// Whether least_growth() is exact.
  [[nodiscard]] bool knows_growth() const;
  /// Adds this state to what was seen.
  void observe(Observed& seen) const;

  /// Whether all blocks of each heap have the same size, or a slot each. Then any raw heap grants a
  /// request if and only if the number of live blocks is below a limit, so states are distinguished
  /// by that number, and not by the places of blocks.
  [[nodiscard]] bool counts_blocks() const {
    return std::ranges::all_of(heaps_, &HeapPart::counts_blocks);
  }

  /// Whether states can be copied; otherwise they are replayed from the beginning.
  [[nodiscard]] bool can_copy() const { return can_copy_; }
  [[nodiscard]] std::size_t snapshot_bytes() const { return arena_bytes_; }
  void save(std::byte* to) const;
  void load(const std::byte* from);
  /// Returns to the state after construction, or that which begin_after() has chosen.
  void restart();
  /// Call it in the state that these steps led to from the first one: it is the first from now on.
  void begin_after(const Path& steps);

  /// Identifies the state: equal for two states with the same continuations, up to exchanging
  /// identical tasks. Valid until the next call.
  [[nodiscard]] std::span<const std::byte> identity();
  /// The first identical task in the same state, whose step has the same effect; the task itself if
  /// there is none before it. As of the last identity().
  [[nodiscard]] std::size_t twin_of(std::size_t task) const { return twins_[task]; }

 private:
  struct EmptyHeap {};
  World(const Program& program, const WorldOptions& options, EmptyHeap tag);

  struct Control {
    std::uint32_t at = 0;  // the step
    TaskState state = TaskState::ready;
    std::uint8_t choice = 0;  // of the request that waits
    std::uint16_t rank = 0;   // its level; with overtaking, how often it was passed
  };
  struct Head {
    std::uint32_t current = 0;   // with Switches::waits, the running task
    std::size_t try_growth = 0;  // the growth that the last refused `try` needs
  };
  using HeapRequest = Request<DriverHeap>;
  using HeapLockRequest = LockRequest<DriverHeap>;
  /// Of the place of a request in the arena.
  [[nodiscard]] std::size_t request_bytes() const {
    return has_locks_ ? std::max(sizeof(HeapRequest), sizeof(HeapLockRequest))
                      : sizeof(HeapRequest);
  }
  /// Of a heap, if some task locks one.
  struct Lock {
    Guard<DriverHeap> guard;
    std::uint32_t holder = 0;    // the task, from 1; 0: it is not locked
    std::uint32_t deferred = 0;  // blocks
  };
  /// A heap, and its place in the arena.
  struct HeapPart {
    std::size_t start = 0;         // of its region, from the first one's
    std::size_t region_bytes = 0;  // without extensions
    std::size_t base_offset = 0;   // of the first block in the region
    std::size_t slot_bytes = 0;    // that each block takes; 0: as many as it needs
    std::size_t first_capacity = 0;
    bool counts_blocks = false;
    OracleQueue::Kind policy{};
    std::byte* place = nullptr;  // of the heap
    DriverHeap* heap = nullptr;
    std::uint8_t* queue = nullptr;
    std::uint64_t* queued = nullptr;
    Lock* lock = nullptr;
    HeldBlock* deferred = nullptr;
    bool keeps_order = false;            // the order in which blocks are reclaimed matters
    mutable std::size_t peak_bytes = 0;  // outside of the arena
  };

  /// What identifies the block of a name in a state: where it is, or only that there is one;
  /// `mixed` if that depends on the heap, `sized` if on its size as well.
  enum class BlockIdentity : std::uint8_t { place, presence, mixed, sized };

  [[nodiscard]] Control& control(std::size_t task) const { return controls_[task]; }
  void lay_out();
  [[nodiscard]] std::size_t lay_out_mail();
  [[nodiscard]] std::size_t largest_align() const;
  void place_requests();
  void make_heaps();
  void run_boot();
  void take_apart();
  void check_raw_heap(std::size_t heap) const;
  [[noreturn]] void fail_step(const ProgramStep& step, std::string message) const;
  [[nodiscard]] static Layout layout_of(const ProgramStep& step, std::uint64_t size_bytes) {
    return {.size = size_bytes, .align = step.align_bytes};
  }
  void check_requests(const TaskProgram& task) const;
  void check_extensions(const TaskProgram& task) const;
  [[nodiscard]] bool is_able(std::size_t task) const;
  [[nodiscard]] bool is_object_ready(const ProgramStep& step) const;
  [[nodiscard]] bool is_held_up(std::size_t task) const;
  void extend(const ProgramStep& step);
  void allocate(std::size_t task, std::size_t choice, const ProgramStep& step, StepResult& result);
  /// The payload, or nullptr if the request waits.
  [[nodiscard]] void* request(std::size_t task, std::size_t choice, const ProgramStep& step,
                              Layout layout, StepResult& result);
  void resize(std::size_t task, const ProgramStep& step, StepResult& result);
  [[nodiscard]] static Layout layout_of(const HeldBlock& block) {
    return {.size = block.size_bytes, .align = std::size_t{1} << block.align_exponent};
  }
  [[nodiscard]] std::size_t missing_to_grow(std::size_t task) const;
  void wait(std::size_t task, std::size_t choice, std::uint8_t level);
  void enqueue(std::size_t task);
  void lock(std::size_t task, StepResult& result);
  void unlock(HeapPart& part);
  [[nodiscard]] static bool is_locked(const HeapPart& part) {
    return part.lock != nullptr && part.lock->holder != 0;
  }
  void defer(const HeldBlock& block);
  void begin_lock(HeapPart& part, std::size_t task, Guard<DriverHeap> guard);
  [[nodiscard]] RequestState request_state(std::size_t task) const;
  void cancel_request(std::size_t task);
  [[nodiscard]] bool waits_for_memory(const HeapPart& part) const;
  void give_up(std::size_t task);
  void hold(std::size_t task, std::size_t name, Layout layout, const void* payload);
  [[nodiscard]] bool has_other_owner(const HeldBlock& block) const;
  void free_block(HeldBlock& block);
  void open_to_tools() const;
  void sort_copies(std::size_t first, std::size_t copies, std::size_t start);
  void take_grants(HeapPart& part, StepResult& result);
  void go_on(std::size_t task);
  [[nodiscard]] bool has_one_size(std::size_t heap) const;
  [[nodiscard]] std::size_t free_at_end() const;
  [[nodiscard]] const HeapPart& varied() const { return heaps_[options_.varied]; }
  [[nodiscard]] std::byte* address_of(const HeldBlock& block) const {
    return arena_base_ + block.offset;
  }
  [[nodiscard]] const HeapPart& part_of(std::size_t task) const {
    return heaps_[current_step(task)->heap];
  }
  void put_block(const HeldBlock& block);
  void put_task(std::size_t task);
  void put_raw_heap();
  void put_deferred(const HeapPart& part);
  void observe_others() const;
  void put(const void* from, std::size_t size_bytes) {
    if (identity_.size() < identity_bytes_ + size_bytes) {
      identity_.resize(2 * (identity_bytes_ + size_bytes));
    }
    std::memcpy(identity_.data() + identity_bytes_, from, size_bytes);
    identity_bytes_ += size_bytes;
  }
  template <class T>
  void put(T value) {
    put(&value, sizeof value);
  }

  const Program& program_;
  WorldOptions options_;
  std::vector<TaskInstance> tasks_;  // the last one is the boot
  bool can_copy_ = false;
  bool has_atomic_ = false;
  bool has_clones_ = false;
  bool has_resizes_ = false;
  bool has_overtaking_ = false;
  bool has_locks_ = false;
  mutable bool waits_elsewhere_ = false;
  BlockIdentity block_identity_ = BlockIdentity::place;
  std::vector<HeapPart> heaps_;
  std::size_t arena_bytes_ = 0;
  std::vector<std::size_t> mailbox_starts_;
  std::optional<Region> arena_;
  // In the arena:
  std::byte* arena_base_ = nullptr;
  Head* head_ = nullptr;
  Control* controls_ = nullptr;
  HeldBlock* slots_ = nullptr;
  HeldBlock* mail_ = nullptr;
  std::uint64_t* mail_counts_ = nullptr;
  std::uint64_t* semaphores_ = nullptr;
  std::uint64_t* loops_ = nullptr;
  std::byte* request_places_ = nullptr;
  // Outside the arena:
  std::vector<HeapRequest*> requests_;           // by task; each has a fixed place in the arena
  std::vector<HeapLockRequest*> lock_requests_;  // the same
  std::vector<BootStep> boot_steps_;
  std::vector<std::byte> pristine_;  // an empty heap
  std::vector<std::byte> booted_;
  Path before_;                      // the steps before the first state
  std::vector<std::byte> identity_;  // its first identity_bytes_
  std::size_t identity_bytes_ = 0;
  std::vector<std::byte> sorted_;
  std::vector<std::uint8_t> granted_;
  std::vector<std::size_t> twins_;
  std::vector<std::size_t> order_;
};

}  // namespace mneme::driver
