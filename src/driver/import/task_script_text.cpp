// purpose: writes the tasks of a recording as a script, and their order as a schedule.
// layer: import; includes task_script and {fmt}.
// threads: one owner.
// invariants: a mailbox passes blocks on in the order in which they are received.
#include <fmt/format.h>

#include <map>
#include <set>
#include <utility>

#include "task_script.hpp"

namespace mneme::driver {

namespace {

/// The capacity of a mailbox. It has room for all blocks, so that no sender waits, as none did in
/// the program.
constexpr std::size_t lane_blocks_max = 1000;

/// The least number that no live block of a task has.
class NameNumbers {
 public:
  std::size_t take() {
    if (free_.empty()) return next_++;
    return free_.extract(free_.begin()).value();
  }
  void give_back(std::size_t number) { free_.insert(number); }

 private:
  std::set<std::size_t> free_;
  std::size_t next_ = 0;
};

}  // namespace

void TaskScript::finish() {
  for (const auto& [key, request] : requests_) {
    if (request.is_block && request.is_overlapped) leave_out_request(key, request.block);
  }
  assign_lanes();
}

/// Each block that is passed on gets a mailbox from which it comes in order: of those where it
/// would, the one whose last block is received latest, which gives the fewest mailboxes.
void TaskScript::assign_lanes() {
  using Open = std::map<std::size_t, std::size_t>;  // by the step that receives its last block
  std::map<std::pair<std::size_t, std::size_t>, Open> open_lanes;
  for (const Task& task : tasks_) {
    for (const Step& step : task.steps) {
      Block& block = blocks_[step.block];
      if (step.kind != Kind::allocate || !block.is_passed_on()) continue;
      Open& open = open_lanes[{block.owner, block.freer}];
      auto at = open.lower_bound(block.freed_at);
      if (at == open.begin()) {
        block.lane = lanes_.size();
        lanes_.push_back({.from = block.owner, .to = block.freer});
      } else {
        --at;
        block.lane = at->second;
        open.erase(at);
      }
      if (++lanes_[block.lane].blocks < lane_blocks_max) open.emplace(block.freed_at, block.lane);
    }
  }
}

std::string TaskScript::lane_name(std::size_t lane) const {
  return fmt::format("{}.{}.{}", tasks_[lanes_[lane].from].name, tasks_[lanes_[lane].to].name,
                     lane);
}

void TaskScript::write(const ScriptSink& script, std::uint64_t heap_align) const {
  for (std::size_t lane = 0; lane < lanes_.size(); ++lane) {
    script(fmt::format("mailbox {} {}", lane_name(lane), lanes_[lane].blocks));
  }
  for (const Task& task : tasks_) write_task(task, script, heap_align);
}

void TaskScript::write_task(const Task& task, const ScriptSink& script,
                            std::uint64_t heap_align) const {
  NameNumbers names;
  std::unordered_map<std::size_t, std::size_t> name_of;  // by block
  bool is_begun = false;
  for (const Step& step : task.steps) {
    if (step.kind == Kind::removed) continue;
    if (!std::exchange(is_begun, true)) {
      script(fmt::format("task {}", task.name));
      if (has_start() && task.name != task_before) script("  wait start");
    }
    const Block& block = blocks_[step.block];
    if (step.kind == Kind::free) {
      const auto own = name_of.find(step.block);
      if (own == name_of.end()) {
        script(fmt::format("  receive {} r", lane_name(block.lane)));
        script("  free r");
        continue;
      }
      script(fmt::format("  free b{}", own->second));
      names.give_back(own->second);
      name_of.erase(own);
      continue;
    }
    const std::size_t name = names.take();
    const bool has_align = block.align != 0 && block.align != heap_align;
    script(fmt::format("  alloc b{} {}{}{}", name, block.size,
                       has_align ? fmt::format(" align={}", block.align) : "",
                       step.kind == Kind::give_up ? " timeout" : ""));
    if (step.kind == Kind::allocate && !block.is_passed_on()) {
      name_of.emplace(step.block, name);
      continue;
    }
    script(step.kind == Kind::give_up ? fmt::format("  free b{}", name)
                                      : fmt::format("  send {} b{}", lane_name(block.lane), name));
    names.give_back(name);
  }
  if (task.name == task_before) {
    for (std::size_t other = 1; other < task_count(); ++other) script("  signal start");
  }
  if (is_begun) script("end");
}

/// How many moves a task makes at a moment.
std::size_t TaskScript::moves_of(const Moment& moment) const {
  const Step& step = tasks_[moment.task].steps[moment.step];
  const bool is_passed_on = blocks_[step.block].is_passed_on();
  switch (step.kind) {
    case Kind::removed: return 0;
    case Kind::free: return is_passed_on ? 2 : 1;
    case Kind::give_up: return moment.begins ? 1 : 2;
    default: break;
  }
  return (moment.begins ? 1U : 0U) + (moment.ends && is_passed_on ? 1U : 0U);
}

void TaskScript::write_schedule(const ScriptSink& schedule) const {
  std::size_t task = none;
  std::size_t moves = 0;
  const auto put = [&] {
    if (moves == 1) schedule(tasks_[task].name);
    if (moves > 1) schedule(fmt::format("{}*{}", tasks_[task].name, moves));
    moves = 0;
  };
  if (const auto before = by_name_.find(task_before); before != by_name_.end()) {
    task = before->second;
    for (std::size_t step = 0; step < tasks_[task].steps.size(); ++step) {
      moves += moves_of({.task = task, .step = step, .begins = true, .ends = true});
    }
    moves += task_count() - 1;
    put();
  }
  std::set<std::size_t> started;
  for (const Moment& moment : moments_) {
    const std::size_t count = moves_of(moment);
    if (count == 0) continue;
    if (moment.task != task) put();
    task = moment.task;
    moves += count + (has_start() && started.insert(task).second ? 1U : 0U);
  }
  put();
}

}  // namespace mneme::driver
