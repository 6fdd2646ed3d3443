// purpose: a whole script with tasks as data: its steps, with all names resolved.
// layer: language; includes op, diagnostic.
// threads: plain data.
// invariants: each loop has its end; a step's name holds a block exactly if the step needs one.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "diagnostic.hpp"
#include "op.hpp"

namespace mneme::driver {

/// A step of a task. `repeat`, `or` and `end` are only jumps, which do not count as steps of a run.
/// `array`, `vec` and `arc` are an `alloc`.
struct ProgramStep {
  OpKind kind{};
  OpKind made_as = OpKind::alloc;  // alloc: or array, vec, arc
  bool try_now = false;            // alloc
  bool by_guard = false;           // alloc: while this task has the lock
  bool can_time_out = false;       // alloc
  bool has_align = false;          // alloc
  std::uint8_t priority = 0;       // alloc; resize: that of the alloc above it
  bool is_glued = false;           // inside of `atomic`: no other task goes before it
  bool ends_loop = false;          // end
  std::uint8_t heap = 0;           // alloc, resize, extend, lock, unlock: of Program::heaps
  std::size_t name = 0;  // alloc, free, send, receive, push, clone, resize: of TaskProgram::names
  std::size_t new_name = 0;  // clone; resize: of its new block, until the contents have moved
  std::size_t object = 0;    // signal, wait: of semaphores; send, receive: of mailboxes
  std::size_t loop = 0;      // repeat, end: of the task's counters
  std::size_t jump = 0;      // repeat, choose, or: behind the end; end of repeat: its first step
  std::uint64_t size_bytes = 0;         // alloc: the largest that it can choose; extend; resize
  std::vector<std::uint64_t> sizes{};   // alloc: if it has a choice
  std::vector<std::size_t> branches{};  // choose: where each begins
  std::uint64_t align_bytes = 0;        // alloc; resize: the largest of its name
  std::uint64_t count = 0;              // repeat; alloc: of an array or vec
  std::uint64_t line = 0;
  std::string text;  // in canonical form

  /// Whether it requests memory, and waits for it.
  [[nodiscard]] bool waits_for_memory() const {
    return kind == OpKind::resize || (kind == OpKind::alloc && !try_now && !by_guard);
  }
  /// The number of choices, at least one.
  [[nodiscard]] std::size_t choices() const {
    return std::max<std::size_t>(1, std::max(sizes.size(), branches.size()));
  }
  [[nodiscard]] std::uint64_t size_of(std::size_t choice) const {
    return sizes.empty() ? size_bytes : sizes[choice];
  }
};

struct TaskProgram {
  std::string name;
  bool is_isr = false;
  bool is_numbered = false;  // by `x3`: worker1, worker2, …
  std::size_t copies = 1;
  std::size_t loops = 0;
  std::vector<ProgramStep> steps;
  std::vector<std::string> names;  // of its blocks

  [[nodiscard]] bool goes_on_forever() const;
  [[nodiscard]] bool has(OpKind kind) const;
  /// The name of a copy; the first is 0.
  [[nodiscard]] std::string name_of(std::size_t copy) const {
    return is_numbered ? name + std::to_string(copy + 1) : name;
  }
};

struct SemaphoreSpec {
  std::string name;
  std::uint64_t start = 0;
};

struct MailboxSpec {
  std::string name;
  std::size_t capacity = 0;
};

struct HeapSpec {
  std::string name;  // empty for the first
  std::uint64_t bytes = 0;
  std::uint64_t align_bytes = 0;
  std::string raw;
  std::optional<std::uint64_t> raw_bytes;  // the number behind its name
  std::string queue;                       // its policy
  std::optional<std::uint64_t> queue_number;
  std::uint64_t line = 0;
  std::uint64_t extension_bytes = 0;  // of all steps that extend it, as often as they run

  /// As a script has it: `pool:64`.
  [[nodiscard]] std::string raw_text() const {
    return raw_bytes ? raw + ':' + std::to_string(*raw_bytes) : raw;
  }
  /// The same, and the policy of the queue if it is not FIFO.
  [[nodiscard]] std::string text() const {
    if (queue == default_queue) return raw_text();
    return raw_text() + " queue=" + queue +
           (queue_number ? ':' + std::to_string(*queue_number) : std::string());
  }
};

struct Program {
  std::string file;
  std::vector<HeapSpec> heaps;
  TaskProgram boot;  // the steps before the tasks
  std::vector<TaskProgram> tasks;
  std::vector<SemaphoreSpec> semaphores;
  std::vector<MailboxSpec> mailboxes;
  std::optional<Ending> expected;

  [[nodiscard]] bool goes_on_forever() const;
  [[nodiscard]] bool has(OpKind kind) const;
  [[nodiscard]] std::size_t task_count() const;
};

/// The maximum number of steps before the tasks.
inline constexpr std::size_t boot_steps_max = 1000;

/// Builds a program from the steps of a script, one by one. Scripts without tasks may be added too,
/// but give no program.
class ProgramBuilder {
 public:
  /// Throws ScriptError for a step that is not allowed in its place.
  void add(const Op& op) {
    const bool is_past_boot = steps_ > boot_steps_max && !has_tasks_;
    if (!is_past_boot || is_of_tasks(op.kind) || is_heap(op.kind)) add_now(op);
  }

  /// Whether a step was added that is only allowed in scripts with tasks.
  [[nodiscard]] bool has_tasks() const { return has_tasks_; }

  /// Call it after the last step. Throws ScriptError for errors of the script as a whole.
  [[nodiscard]] Program finish();

 private:
  /// Whether a name holds a block at a step. The locks of the heaps follow the names of a task.
  enum class Holds : std::uint8_t { nothing, block, maybe };
  struct Block {
    OpKind kind{};
    std::size_t step = 0;  // that begins it; of `atomic` the one behind
  };
  struct NamedError {
    std::string name;
    Diagnostic error;
  };
  struct NameHash : std::hash<std::string_view> {
    using is_transparent = void;  // NOLINT(readability-identifier-naming)
  };

  [[nodiscard]] static bool is_heap(OpKind kind) {
    return kind == OpKind::heap || kind == OpKind::named_heap;
  }
  void add_now(const Op& op);
  void add_heap(const Op& op);
  void add_any(const Op& op);
  void add_top(const Op& op);
  void begin_task(const Op& op);
  void add_step(const Op& op);
  void add_alloc(const Op& op, ProgramStep& step) const;
  void add_rank(const Op& op, ProgramStep& step) const;
  void add_extension(const Op& op, ProgramStep& step);
  static void complete_resizes(TaskProgram& task);
  void begin_loop(const Op& op, ProgramStep& step);
  void begin_branch(ProgramStep& step);
  /// Returns false if the `end` is not a step of its own.
  [[nodiscard]] bool end_block(ProgramStep& step);
  [[nodiscard]] bool is_glued() const;
  [[nodiscard]] TaskProgram& program_of_step() { return task_ == nullptr ? program_.boot : *task_; }
  void check_kind(const Op& op, ProgramStep& step);
  void check_heap(const Op& op, ProgramStep& step);
  [[nodiscard]] std::size_t name_index(std::string_view name);
  [[nodiscard]] std::size_t semaphore_index(const Op& op);
  [[nodiscard]] std::size_t mailbox_index(const Op& op) const;
  [[noreturn]] void fail_on_line(std::uint64_t line, std::string message) const;
  void check_names(const TaskProgram& task, std::size_t from, std::size_t to,
                   std::vector<Holds>& held) const;
  void check_branches(const TaskProgram& task, const ProgramStep& choose,
                      std::vector<Holds>& held) const;
  void check_name(const ProgramStep& step, const std::string& name, Holds& held) const;
  void check_lock(const ProgramStep& step, Holds& lock) const;

  Program program_;
  TaskProgram* task_ = nullptr;        // the current task; none outside of tasks
  std::vector<Block> blocks_;          // that enclose the current step
  std::vector<OpKind> made_by_;        // by the task's names: the kind of step that makes them
  std::vector<std::uint8_t> made_in_;  // by the same: the heap
  /// Of the task's names. It is looked up by views, without a copy.
  std::unordered_map<std::string, std::size_t, NameHash, std::equal_to<>> name_indices_;
  std::vector<NamedError> never_signalled_;
  std::optional<ScriptError> flat_;  // an error, but only if the script turns out to have tasks
  std::size_t steps_ = 0;
  bool has_tasks_ = false;
};

}  // namespace mneme::driver
