// purpose: collects the events of a recording as the steps of tasks.
// layer: import; includes task_script and {fmt}.
// threads: one owner.
// invariants: as in the header.
#include "task_script.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "driver/language/op.hpp"

namespace mneme::driver {

namespace {

/// The others of a script are for blocks from before, and for all tasks that come later.
constexpr std::size_t own_tasks_max = tasks_max - 2;
constexpr const char* task_others = "others";

}  // namespace

std::size_t TaskScript::task_named(std::string name) {
  const auto [at, is_new] = by_name_.try_emplace(name, tasks_.size());
  if (is_new) tasks_.push_back({.name = std::move(name), .steps = {}});
  return at->second;
}

/// A task that has a request in the queue, and does something else, does not wait for it.
std::size_t TaskScript::task_of(Caller caller, std::uint64_t own_request) {
  std::string name = caller.task != 0 ? fmt::format("task{}", caller.task)
                                      : fmt::format("thread{}", caller.thread);
  auto at = by_name_.find(name);
  const std::size_t own_max = own_tasks_max + (by_name_.contains(task_before) ? 1U : 0U);
  if (at == by_name_.end() && tasks_.size() >= own_max) {
    ++merged_;
    at = by_name_.emplace(name, task_named(task_others)).first;
  }
  const std::size_t task = at == by_name_.end() ? task_named(std::move(name)) : at->second;
  const std::uint64_t waits_for = tasks_[task].waits_for;
  if (waits_for != 0 && waits_for != own_request) {
    const auto request = requests_.find(waits_for);
    if (request != requests_.end()) request->second.is_overlapped = true;
  }
  return task;
}

std::size_t TaskScript::add_block(std::size_t task, std::uint64_t size, std::uint64_t align) {
  std::vector<Step>& steps = tasks_[task].steps;
  blocks_.push_back({.size = size,
                     .align = align == 0 ? 0 : std::max(align, align_min),
                     .owner = task,
                     .step = steps.size()});
  steps.push_back({Kind::allocate, blocks_.size() - 1});
  return blocks_.size() - 1;
}

void TaskScript::free_block(std::size_t task, std::size_t block) {
  std::vector<Step>& steps = tasks_[task].steps;
  blocks_[block].freer = task;
  blocks_[block].freed_at = steps.size();
  moments_.push_back({task, steps.size(), true, true});
  steps.push_back({Kind::free, block});
}

std::size_t TaskScript::block_from_before(std::uint64_t size) {
  ++blocks_from_before_;
  return add_block(task_named(task_before), size, 0);
}

void TaskScript::leave_out(std::size_t block) {
  tasks_[blocks_[block].owner].steps[blocks_[block].step].kind = Kind::removed;
}

/// A task that goes on although its request still waits does not wait for it.
void TaskScript::leave_out_request(std::uint64_t request, std::size_t block) {
  ++overlapping_;
  Task& owner = tasks_[blocks_[block].owner];
  if (owner.waits_for == request) owner.waits_for = 0;
  leave_out(block);
}

void TaskScript::allocate(Caller caller, std::uint64_t block, std::uint64_t size,
                          std::uint64_t align) {
  const std::size_t task = task_of(caller);
  // Two live blocks cannot have the same address: a free of the first was lost.
  if (const auto at = live_.find(block); at != live_.end()) {
    free_block(blocks_[at->second].owner, at->second);
  }
  live_[block] = add_block(task, size, align);
  moments_.push_back({task, tasks_[task].steps.size() - 1, true, true});
}

void TaskScript::wait(Caller caller, std::uint64_t request, std::uint64_t size, std::uint64_t align,
                      bool is_block) {
  const std::size_t task = task_of(caller, request);
  if (const auto at = requests_.find(request); at != requests_.end()) {
    if (at->second.is_block) leave_out_request(request, at->second.block);
  }
  Request& waiting = requests_[request];
  waiting = {.block = none, .is_block = is_block, .is_overlapped = false};
  if (!is_block) {
    ++other_waits_;
    return;
  }
  waiting.block = add_block(task, size, align);
  tasks_[task].waits_for = request;
  moments_.push_back({task, tasks_[task].steps.size() - 1, true, false});
}

bool TaskScript::grant(std::uint64_t request, std::uint64_t block) {
  const auto waiting = requests_.find(request);
  if (waiting == requests_.end()) {  // its record was lost: the block is as allocated
    ++other_waits_;
    return true;
  }
  const Request was = waiting->second;
  requests_.erase(waiting);
  if (!was.is_block) return true;
  std::size_t wanted = was.block;
  const std::size_t owner = blocks_[wanted].owner;
  if (tasks_[owner].waits_for == request) tasks_[owner].waits_for = 0;
  const auto at = live_.find(block);
  if (at == live_.end()) return false;
  leave_out(at->second);
  if (was.is_overlapped) {
    ++overlapping_;
    leave_out(wanted);
    wanted = add_block(owner, blocks_[wanted].size, blocks_[wanted].align);
    moments_.push_back({owner, blocks_[wanted].step, true, false});
  }
  moments_.push_back({owner, blocks_[wanted].step, false, true});
  at->second = wanted;
  return true;
}

void TaskScript::cancel(Caller caller, std::uint64_t request) {
  (void)task_of(caller, request);
  const auto waiting = requests_.find(request);
  if (waiting == requests_.end()) {
    ++other_waits_;
    return;
  }
  const Request was = waiting->second;
  requests_.erase(waiting);
  if (!was.is_block) return;
  if (was.is_overlapped) {
    leave_out_request(request, was.block);
    return;
  }
  const Block& block = blocks_[was.block];
  tasks_[block.owner].steps[block.step].kind = Kind::give_up;
  if (tasks_[block.owner].waits_for == request) tasks_[block.owner].waits_for = 0;
  moments_.push_back({block.owner, block.step, false, true});
}

/// There is no resize in tasks: a new block, and then a free of the old one.
void TaskScript::resize(Caller caller, std::uint64_t block, std::uint64_t size) {
  const std::size_t task = task_of(caller);
  const auto at = live_.find(block);
  const std::size_t old = at != live_.end() ? at->second : block_from_before(size);
  const std::size_t resized = add_block(task, size, blocks_[old].align);
  moments_.push_back({task, blocks_[resized].step, true, true});
  free_block(task, old);
  live_[block] = resized;
}

void TaskScript::free(Caller caller, std::uint64_t block, std::uint64_t size) {
  const std::size_t task = task_of(caller);
  const auto at = live_.find(block);
  free_block(task, at != live_.end() ? at->second : block_from_before(size));
  if (at != live_.end()) live_.erase(at);
}

std::size_t TaskScript::task_count() const {
  return static_cast<std::size_t>(std::ranges::count_if(tasks_, [](const Task& task) {
    return std::ranges::any_of(task.steps, [](Step step) { return step.kind != Kind::removed; });
  }));
}

std::uint64_t TaskScript::usual_align() const {
  std::unordered_map<std::uint64_t, std::size_t> counts;
  std::uint64_t usual = align_min;
  for (const Block& block : blocks_) {
    if (block.align != 0 && ++counts[block.align] > counts[usual]) usual = block.align;
  }
  return usual;
}

}  // namespace mneme::driver
