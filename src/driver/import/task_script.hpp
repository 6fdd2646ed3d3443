// purpose: turns what tasks did with a heap, in the order of a recording, into a script with tasks.
// layer: import; includes ledger and the standard library.
// threads: one owner.
// invariants: each task has its steps in their order; a name holds a block where a step needs one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ledger.hpp"

namespace mneme::driver {

/// Collects events, then writes the script. A block that another task frees than the one that
/// requested it goes from the one to the other through a mailbox, as soon as it is there.
class TaskScript {
 public:
  /// A task as the recording has it: its number or, if that is 0, the number of its thread.
  struct Caller {
    std::uint64_t task = 0;
    std::uint64_t thread = 0;
  };

  void allocate(Caller caller, std::uint64_t block, std::uint64_t size, std::uint64_t align);
  /// `is_block`: it waits for a block, and not for the heap's lock or several blocks.
  void wait(Caller caller, std::uint64_t request, std::uint64_t size, std::uint64_t align,
            bool is_block);
  /// A waiting request gets a block, which was allocated before by the caller that made the room.
  /// False if that does not fit what came before.
  [[nodiscard]] bool grant(std::uint64_t request, std::uint64_t block);
  void cancel(Caller caller, std::uint64_t request);
  void resize(Caller caller, std::uint64_t block, std::uint64_t size);
  void free(Caller caller, std::uint64_t block, std::uint64_t size);

  [[nodiscard]] bool is_live(std::uint64_t block) const { return live_.contains(block); }
  [[nodiscard]] std::size_t task_count() const;
  /// Blocks that were freed, but requested before the recording began or by a lost record.
  [[nodiscard]] std::size_t blocks_from_before() const { return blocks_from_before_; }
  /// Requests that did not keep their task from going on.
  [[nodiscard]] std::size_t overlapping() const { return overlapping_; }
  /// Events of requests whose waiting is not in the script: for a lock or a group, or from before.
  [[nodiscard]] std::size_t other_waits() const { return other_waits_; }
  /// Tasks that share the last task of the script, as it has room for no more.
  [[nodiscard]] std::size_t merged() const { return merged_; }
  /// The alignment that most blocks have.
  [[nodiscard]] std::uint64_t usual_align() const;

  /// Call it once, after the last event.
  void finish();
  /// The mailboxes and tasks, for a heap with that alignment.
  void write(const ScriptSink& script, std::uint64_t heap_align) const;
  /// The order of the recording, for `mneme run --schedule=FILE`.
  void write_schedule(const ScriptSink& schedule) const;

 private:
  static constexpr std::size_t none = static_cast<std::size_t>(-1);
  static constexpr std::uint64_t align_min = 8;
  static constexpr const char* task_before = "before";  // with the blocks from before

  struct Block {
    std::uint64_t size = 0;
    std::uint64_t align = 0;  // 0: not known
    std::size_t owner = 0;    // the task that requested it
    std::size_t step = 0;     // of that task
    std::size_t freer = none;
    std::size_t freed_at = 0;  // a step of that task
    std::size_t lane = none;   // its mailbox
    [[nodiscard]] bool is_passed_on() const { return freer != none && freer != owner; }
  };
  enum class Kind : std::uint8_t { removed, allocate, give_up, free };
  struct Step {
    Kind kind{};
    std::size_t block = 0;
  };
  struct Task {
    std::string name;
    std::vector<Step> steps;
    std::uint64_t waits_for = 0;  // a request; 0: none
  };
  struct Request {
    std::size_t block = 0;
    bool is_block = false;
    bool is_overlapped = false;
  };
  struct Lane {
    std::size_t from = 0;
    std::size_t to = 0;
    std::size_t blocks = 0;
  };
  /// A moment of the recording: a step begins, or a request is complete.
  struct Moment {
    std::size_t task = 0;
    std::size_t step = 0;
    bool begins = false;
    bool ends = false;
  };

  [[nodiscard]] std::size_t task_of(Caller caller, std::uint64_t own_request = 0);
  [[nodiscard]] std::size_t task_named(std::string name);
  [[nodiscard]] std::size_t add_block(std::size_t task, std::uint64_t size, std::uint64_t align);
  void free_block(std::size_t task, std::size_t block);
  [[nodiscard]] std::size_t block_from_before(std::uint64_t size);
  void leave_out(std::size_t block);
  void leave_out_request(std::uint64_t request, std::size_t block);
  void assign_lanes();
  /// Whether all other tasks begin after the blocks from before are there.
  [[nodiscard]] bool has_start() const { return blocks_from_before_ > 0; }
  void write_task(const Task& task, const ScriptSink& script, std::uint64_t heap_align) const;
  [[nodiscard]] std::string lane_name(std::size_t lane) const;
  [[nodiscard]] std::size_t moves_of(const Moment& moment) const;

  std::vector<Task> tasks_;
  std::vector<Block> blocks_;
  std::vector<Lane> lanes_;
  std::vector<Moment> moments_;
  std::unordered_map<std::string, std::size_t> by_name_;
  std::unordered_map<std::uint64_t, std::size_t> live_;  // blocks by address
  std::unordered_map<std::uint64_t, Request> requests_;  // those that wait
  std::size_t blocks_from_before_ = 0;
  std::size_t overlapping_ = 0;
  std::size_t other_waits_ = 0;
  std::size_t merged_ = 0;
};

}  // namespace mneme::driver
