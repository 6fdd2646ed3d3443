// purpose: carries out steps on the real library and on the oracle, and returns their effects.
// layer: execute; includes op, event, task_table, scheduler, checker, machine_memory, region.
// threads: one owner.
// invariants: after each step library and oracle agree, or Corruption is thrown. Nothing is
//   formatted or printed here: all output is made from events and the accessors of the executor.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "checker.hpp"
#include "driver/language/op.hpp"
#include "driver/model/oracle.hpp"
#include "driver_heap.hpp"
#include "event.hpp"
#include "machine_memory.hpp"
#include "region.hpp"
#include "scheduler.hpp"
#include "tally.hpp"
#include "task.hpp"
#include "task_table.hpp"

namespace mneme::driver {

struct ExecutorOptions {
  std::optional<std::uint64_t> heap_bytes{};  // instead of the script's
  MachineRoots machine{};
};

/// One heap of a script.
struct HeapUnit {
  HeapUnit(std::string_view heap_name, std::size_t row) : name{heap_name}, raw_row{row} {}

  std::string name;  // empty for the first
  std::size_t raw_row = 0;
  OracleQueue queue{};
  std::optional<Region> region;
  std::optional<DriverHeap> heap;
  std::optional<Checker> checker;
  Guard<DriverHeap> guard;
  std::vector<Task*> by_block;  // the requester of each block
  std::uint64_t lock_line = 0;
  std::uint64_t capacity_bytes = 0;
  std::uint64_t refused = 0;  // requests
};

class Executor {
 public:
  explicit Executor(ExecutorOptions options = {});
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;
  ~Executor();

  /// Carries out one step, and the tasks that it lets run, and returns all events of this. The
  /// events are valid until the next call, and while the op is: a step makes at most one new name,
  /// before it has any effect, so no name in an event is overwritten. The first step is `heap`.
  /// Throws ScriptError for a step that makes no sense now, and Corruption; events() then has the
  /// earlier events of the step. A failed expectation is an event, and counted in the tally.
  std::span<const Event> step(const Op& op);

  /// Lets the name of a granted resize run, as the next poll would: it moves into its new block.
  std::span<const Event> finish_resize(const Op& op);

  /// After the last step: lets tasks run as long as they can. Nothing without a heap.
  std::span<const Event> run_to_end();

  /// After that: frees everything, and checks that the region is one hole again (P9). No other call
  /// is allowed afterwards.
  void take_everything_back();

  /// Which events of the next calls are kept: at first all.
  void keep_events(Kept kept) { log_.keep(kept); }
  /// The events of the complete lines of the last call.
  [[nodiscard]] std::span<const Event> events() const { return log_.complete(); }

  // For the readers of events, between two steps.
  [[nodiscard]] bool has_heap() const { return !heaps_.empty(); }
  [[nodiscard]] std::size_t heap_count() const { return heaps_.size(); }
  [[nodiscard]] const std::string& heap_name(std::size_t heap) const { return heaps_[heap]->name; }
  /// The heap of the last step.
  [[nodiscard]] std::size_t last_heap() const { return log_.heap(); }
  [[nodiscard]] const Tally& tally() const { return tally_; }
  [[nodiscard]] const Oracle& oracle(std::size_t heap) const {
    return heaps_[heap]->checker->oracle();
  }
  [[nodiscard]] std::uint64_t lock_line(std::size_t heap) const { return heaps_[heap]->lock_line; }
  /// The task that requested a block.
  [[nodiscard]] const Task& requester_of(std::size_t heap, BlockId block) const {
    return *heaps_[heap]->by_block[block];
  }
  /// The oldest owner of each live block of a heap, by its number: not always the requester, as an
  /// arc has many. O(names).
  [[nodiscard]] std::vector<const Task*> first_owners(std::size_t heap) const;

 private:
  // executor.cpp: dispatching, holding and resuming.
  void carry_out(const Op& op, EventKind head);
  void dispatch(const Op& op);
  template <auto act>
  void run_or_hold(const Op& op);
  static void check_kind(const Op& op, const Task& task);
  void hold(Task& task, const Op& op);
  void run_ready();
  void run(Task& task);
  void run_held(Task& task);
  void do_heap(const Op& op);
  void do_poll();
  void poll_now();
  /// With poll=auto, a deferred free takes effect at the end of its step.
  void poll_deferred() {
    const bool is_due = poll_mode_ == PollMode::automatic && model().deferred() != 0;
    if (is_due && !model().locked()) poll_deferred_now();
  }
  void poll_deferred_now();
  void do_lock(const Op& op);
  void request_lock(const Op& op);
  void take_lock(Task& task);
  void expect_one_more();
  void do_unlock(const Op& op);
  void do_close();
  void do_extend(const Op& op);
  void take_back(Task& task);
  void check_figures();
  static void on_answer(void* task) noexcept;
  /// After each library call: collects the requests that it completed, in order.
  void collect() {
    grants_.clear();
    ended_.clear();
    if (!answered_.empty()) collect_answered();
  }
  void collect_answered();

  // memory_steps.cpp: requests and their memory.
  void check_machine(const Op& op, std::size_t size_bytes);
  void do_request(const Op& op);
  void request_now(const Op& op, Task& task);
  /// Of a request, by the words of its step.
  [[nodiscard]] std::uint8_t level_of(const Op& op) const {
    return op.priority || op.holding ? level_of_words(op) : 0;
  }
  [[nodiscard]] std::uint8_t level_of_words(const Op& op) const;
  void make_owner(const Op& op, Task& task);
  [[nodiscard]] bool first_poll(Task& task, std::size_t mark);
  void do_free(const Op& op, Task& task);
  void do_cancel(const Op& op);
  void do_resize(const Op& op, Task& task);
  void do_leak(const Op& op, Task& task);
  void do_unleak(const Op& op, Task& task);
  void do_push(const Op& op, Task& task);
  void do_clone(const Op& op, Task& task);
  /// The task of a step's name, whose heap becomes that of the step.
  [[nodiscard]] Task& known_task(const Op& op) {
    Task* const task = names_.find(NameKey{op.name});
    if (task == nullptr) fail_unknown(op);
    select(task->heap);
    return *task;
  }
  [[noreturn]] static void fail_unknown(const Op& op);
  [[nodiscard]] Task& begin_name(const Op& op, const NameKey& name, Column column, Task* known);
  [[noreturn]] static void fail_in_use(const Op& op, Column column, const Task& known);
  void add_block(Task& task, BlockId block);
  void take(Task& task);
  void finish_move(Task& task);
  void begin_live(Task& task);
  /// Finishes a name. A refused name is remembered until its own free, which is then skipped.
  void end(Task& task, Phase phase) {
    if (phase != Phase::freed && !task.held.empty()) return end_with_held(task, phase);
    task.phase = phase;
    task.promised_by = nullptr;
    task.owner.reset();
    if (phase == Phase::freed || phase == Phase::cancelled) names_.retire(task);
  }
  void end_with_held(Task& task, Phase phase);

  // expect_steps.cpp: expectations and statistics.
  void do_expect_state(const Op& op);
  void do_expect_keys(const Op& op);
  void do_expect_at(const Op& op);
  void do_expect_queue(const Op& op);
  void do_stat();
  [[nodiscard]] std::uint64_t figure(Key key) const;
  void fail_expectation(Event seen);

  /// Makes a heap that of the current step.
  void select(std::size_t heap) {
    at_ = heaps_[heap].get();
    log_.set_heap(static_cast<std::uint8_t>(heap));
  }
  [[nodiscard]] Oracle& model() { return at_->checker->oracle(); }
  [[nodiscard]] std::size_t offset_of(const void* payload) const {
    return static_cast<std::size_t>(static_cast<const std::byte*>(payload) -
                                    at_->heap->raw().region());
  }
  [[nodiscard]] std::size_t block_offset_of(const void* payload) const {
    return offset_of(payload) - word_bytes;
  }

  ExecutorOptions options_;
  MachineMemory machine_memory_;
  std::vector<std::unique_ptr<HeapUnit>> heaps_;
  HeapUnit* at_ = nullptr;  // the heap of the current step
  OwnerPool owners_;
  Names names_;
  EventLog log_;
  Scheduler scheduler_;
  std::deque<HeldStep> resumed_;  // held steps that the events of this step refer to
  std::vector<Task*> answered_;   // whose wakers were called, in order, and not yet collected
  std::vector<Task*> collected_;  // those that collect() is processing
  std::vector<Grant> grants_;     // of the last library call
  std::vector<BlockId> ended_;    // requests that the last library call closed
  PollMode poll_mode_ = PollMode::manual;
  bool polled_ = false;  // the current step was a poll: tasks run after its line
  std::uint64_t serials_ = 0;
  Tally tally_;
};

}  // namespace mneme::driver
