// purpose: carries out steps on the real library, beside the oracle, and tells what happened.
// layer: execute; includes op, task, names, oracle, machine_memory, region, output.
// threads: one owner.
// invariants: after each step library and oracle agree, or Corruption is thrown.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <exception>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "driver/language/op.hpp"
#include "driver/model/oracle.hpp"
#include "driver/report/output.hpp"
#include "driver_heap.hpp"
#include "machine_memory.hpp"
#include "region.hpp"
#include "task.hpp"
#include "task_table.hpp"

namespace mneme::driver {

/// The library did something wrong, or memory does not hold what was written: exit code 4.
class Corruption : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct ExecutorOptions {
  bool quiet = false;
  bool keep_going = false;                    // after an expectation that failed
  std::optional<std::uint64_t> heap_bytes{};  // instead of the script's
  bool explain_apart = false;                 // a deadlock on stderr: stdout is for a program
  MachineRoots machine{};
};

/// What a run came to.
struct Tally {
  std::uint64_t steps = 0;
  std::uint64_t requests = 0;
  std::uint64_t granted_at_once = 0;
  std::uint64_t granted_later = 0;
  std::uint64_t waits = 0;
  std::uint64_t refused = 0;
  std::uint64_t closed = 0;
  std::uint64_t cancelled = 0;
  std::uint64_t freed = 0;
  std::uint64_t moved = 0;
  std::uint64_t held = 0;
  std::uint64_t expectations_failed = 0;
  std::uint64_t live_at_end = 0;
  std::uint64_t waiting_at_end = 0;
  std::uint64_t peak_bytes = 0;
  std::uint64_t capacity_bytes = 0;
};

class Executor {
 public:
  Executor(Output& output, ExecutorOptions options);
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;
  ~Executor();

  /// Throws ScriptError for a step that makes no sense now, Corruption, and ExpectationFailed.
  /// The first step is `heap`.
  void step(const Op& op);

  /// After the last step: lets tasks run as long as they can, explains who is stuck, takes
  /// everything back and checks that the region is one hole again (P9). Nothing without a heap.
  void finish();

  /// What the script came to, as one line.
  void print_summary();

  [[nodiscard]] bool has_heap() const { return heap_.has_value(); }
  [[nodiscard]] const Tally& tally() const { return tally_; }

 private:
  // executor.cpp: the run of things.
  void dispatch(const Op& op);
  [[nodiscard]] const char* validate();
  void run_or_hold(const Op& op, void (Executor::*act)(const Op&, Task&));
  static void check_kind(const Op& op, const Task& task);
  void hold(Task& task, const Op& op);
  void make_ready(Task& task);
  void make_unready(Task& task);
  void run_ready();
  void run(Task& task);
  void run_held(Task& task);
  void do_heap(const Op& op);
  void do_poll();
  void poll_now();
  void poll_deferred();
  void do_lock(const Op& op);
  void do_unlock(const Op& op);
  void do_close();
  void take_back(Task& task);
  void remember_live();

  // executor_memory.cpp: requests and their memory.
  void check_machine(const Op& op, std::size_t size_bytes);
  void do_request(const Op& op);
  void request_now(const Op& op, Task& task);
  [[nodiscard]] std::unique_ptr<Owner> make_owner(const Op& op);
  [[nodiscard]] bool first_poll(Task& task);
  void do_free(const Op& op, Task& task);
  void do_cancel(const Op& op);
  void do_resize(const Op& op, Task& task);
  void do_leak(const Op& op, Task& task);
  void do_unleak(const Op& op, Task& task);
  void do_push(const Op& op, Task& task);
  void do_clone(const Op& op, Task& task);
  [[nodiscard]] Task& begin_name(const Op& op, std::string_view name, Column column, Task* known);
  void take(Task& task);
  void finish_move(Task& task);
  void begin_live(Task& task);
  void end(Task& task, Phase phase);

  // executor_report.cpp: what is expected and shown.
  void do_expect_state(const Op& op);
  void do_expect_keys(const Op& op);
  void do_expect_at(const Op& op);
  void do_expect_queue(const Op& op);
  void do_stat();
  void do_map();
  void put_list(std::string line, std::span<const std::string> items, std::size_t count);

  // executor_explain.cpp: why nothing goes on.
  void explain_deadlock();
  [[nodiscard]] std::string explain_room_for(BlockId head);
  [[nodiscard]] std::vector<const Task*> first_owners();
  [[nodiscard]] std::uint64_t figure(Key key) const;
  void fail_expectation(const Op& op, Column column, const std::string& message);

  // What the library did since the last look, compared with the oracle.
  static void on_answer(void* task) noexcept;
  void collect();
  void check_oracle(const Mismatch& mismatch) const;
  void compare_figures();
  void check_bytes(Task& task) const;

  [[nodiscard]] std::size_t offset_of(const void* payload) const {
    return static_cast<std::size_t>(static_cast<const std::byte*>(payload) - heap_->raw().base());
  }
  [[nodiscard]] std::size_t block_offset_of(const void* payload) const {
    return offset_of(payload) - word_bytes;
  }

  // The transcript: a line begins with its step, results and events are told, and it ends.
  void begin_line(const Op& op, std::string_view note = {});
  template <class... Args>
  void append(fmt::format_string<Args...> format, Args&&... args) {
    if (options_.quiet) return;
    fmt::format_to(std::back_inserter(result_), format, std::forward<Args>(args)...);
  }
  template <class... Args>
  void append_event(fmt::format_string<Args...> format, Args&&... args) {
    if (options_.quiet) return;
    fmt::format_to(std::back_inserter(events_), separator);
    fmt::format_to(std::back_inserter(events_), format, std::forward<Args>(args)...);
  }
  void clear_line();
  void move_events_first();
  void end_line();

  static constexpr std::string_view separator = "; ";

  Output& output_;
  ExecutorOptions options_;
  MachineMemory machine_memory_;
  std::optional<Region> region_;
  std::optional<DriverHeap> heap_;
  std::optional<Oracle> oracle_;
  Names names_;
  Guard<DriverHeap> guard_;
  std::vector<Task*> answered_;    // by wakers, in their order, not looked at yet
  std::vector<Grant> grants_;      // of the last library call
  std::vector<BlockId> ended_;     // by close, of the last library call
  std::list<Task*> ready_;         // granted, or with held steps, and did not run yet
  const Task* running_ = nullptr;  // whose held steps are carried out
  std::vector<Task*> by_block_;    // who asked for each block
  fmt::memory_buffer result_;      // of the present line
  fmt::memory_buffer events_;      // what else the step caused
  fmt::memory_buffer below_;       // what is to be printed below it
  PollMode poll_mode_ = PollMode::manual;
  bool polled_ = false;  // the present step was a poll: tasks run after its line
  std::uint64_t serials_ = 0;
  std::uint64_t lock_line_ = 0;
  std::string never_freed_;  // at the end, the first names of what still lives
  Tally tally_;
};

/// An expectation that failed, without --keep-going: exit code 1. Its diagnostic was printed.
class ExpectationFailed : public std::exception {};

}  // namespace mneme::driver
