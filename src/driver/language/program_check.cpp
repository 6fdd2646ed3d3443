// purpose: checks of a whole program: that signals are given, and which names hold blocks.
// layer: language; includes program.
// threads: one owner.
// invariants: see program.hpp.
#include <algorithm>
#include <utility>

#include "program.hpp"

namespace mneme::driver {

Program ProgramBuilder::finish() {
  if (!never_signalled_.empty()) throw ScriptError{std::move(never_signalled_.front().error)};
  if (program_.tasks.empty()) {
    fail_on_line(1, "the script has no task");
  }
  complete_resizes(program_.boot);
  for (TaskProgram& task : program_.tasks) complete_resizes(task);
  std::vector<Holds> held(program_.boot.names.size() + program_.heaps.size());
  check_names(program_.boot, 0, program_.boot.steps.size(), held);
  for (const TaskProgram& task : program_.tasks) {
    if (task.steps.empty()) fail_on_line(1, "task " + in_quotes(task.name) + " has no steps");
    held.assign(task.names.size() + program_.heaps.size(), Holds::nothing);
    check_names(task, 0, task.steps.size(), held);
  }
  return std::move(program_);
}

/// A resize has the alignment and the priority of its block's request.
void ProgramBuilder::complete_resizes(TaskProgram& task) {
  for (std::size_t at = 0; at < task.steps.size(); ++at) {
    ProgramStep& resize = task.steps[at];
    if (resize.kind != OpKind::resize) continue;
    for (std::size_t other = 0; other < task.steps.size(); ++other) {
      const ProgramStep& step = task.steps[other];
      if (step.kind != OpKind::alloc || step.name != resize.name) continue;
      resize.align_bytes = std::max(resize.align_bytes, step.align_bytes);
      if (other < at) resize.priority = step.priority;
    }
  }
}

bool Program::has(OpKind kind) const {
  return boot.has(kind) ||
         std::ranges::any_of(tasks, [&](const TaskProgram& task) { return task.has(kind); });
}

std::size_t Program::task_count() const {
  std::size_t count = 0;
  for (const TaskProgram& task : tasks) count += task.copies;
  return count;
}

/// The words of a request for its place in the queue.
void ProgramBuilder::add_rank(const Op& op, ProgramStep& step) const {
  if (op.holding) {
    fail_at(op, op.holding_column,
            "'holding' cannot be used in a script with tasks: what a task holds is seen");
  }
  if (!op.priority) return;
  if (op.mode == AllocMode::try_now || op.mode == AllocMode::guard) {
    fail_at(op, op.priority_column, std::string(priority_of_try));
  }
  const HeapSpec& heap = program_.heaps[op.heap];
  if (heap.queue != priority_queue || *op.priority >= heap.queue_number.value_or(0)) {
    fail_at(op, op.priority_column,
            "the queue of the heap has no priority " + std::to_string(unsigned{*op.priority}));
  }
  step.priority = *op.priority;
}

// Whether a name holds a block after a loop's body depends only on the last step on it; so a body
// that can run twice can run any number of times.
// NOLINTNEXTLINE(misc-no-recursion): blocks nest, as deep as the parser lets them
void ProgramBuilder::check_names(const TaskProgram& task, std::size_t from, std::size_t to,
                                 std::vector<Holds>& held) const {
  for (std::size_t at = from; at < to; ++at) {
    const ProgramStep& step = task.steps[at];
    if (step.kind == OpKind::lock || step.kind == OpKind::unlock || step.by_guard) {
      check_lock(step, held[task.names.size() + step.heap]);
    }
    if (step.kind == OpKind::repeat) {
      for (std::uint64_t round = 0; round < std::min<std::uint64_t>(step.count, 2); ++round) {
        check_names(task, at + 1, step.jump - 1, held);
      }
      at = step.jump - 1;
    } else if (step.kind == OpKind::choose) {
      check_branches(task, step, held);
      at = step.jump - 1;
    } else if (step.kind == OpKind::clone) {
      if (held[step.name] != Holds::block) {
        fail_on_line(step.line,
                     in_quotes(task.names[step.name]) + " holds no block here, or may not");
      }
      if (held[step.new_name] != Holds::nothing) {
        fail_on_line(step.line, in_quotes(task.names[step.new_name]) + " still holds a block here");
      }
      held[step.new_name] = Holds::block;
    } else if (!task.names.empty()) {
      check_name(step, task.names[step.name], held[step.name]);
    }
  }
}

/// After the branches, a name that holds a block at the end of only some of them may hold one.
// NOLINTNEXTLINE(misc-no-recursion): as above
void ProgramBuilder::check_branches(const TaskProgram& task, const ProgramStep& choose,
                                    std::vector<Holds>& held) const {
  const std::vector<Holds> before = held;
  for (std::size_t branch = 0; branch < choose.branches.size(); ++branch) {
    const bool is_last = branch + 1 == choose.branches.size();
    std::vector<Holds> own = before;
    check_names(task, choose.branches[branch],
                (is_last ? choose.jump : choose.branches[branch + 1]) - 1, own);
    for (std::size_t name = 0; name < held.size(); ++name) {
      const bool is_same = branch == 0 || held[name] == own[name];
      if (!is_same && name >= task.names.size()) {
        fail_on_line(choose.line, "only some blocks of this 'choose' leave the heap locked");
      }
      held[name] = is_same ? own[name] : Holds::maybe;
    }
  }
}

void ProgramBuilder::check_name(const ProgramStep& step, const std::string& name,
                                Holds& held) const {
  const auto fail = [&](std::string_view what) {
    fail_on_line(step.line, in_quotes(name) + std::string{what});
  };
  switch (step.kind) {
    case OpKind::alloc:
    case OpKind::receive:
      if (held != Holds::nothing) fail(" still holds a block here");
      held = step.try_now || step.by_guard || step.can_time_out ? Holds::maybe : Holds::block;
      break;
    case OpKind::free:
      if (held == Holds::nothing) fail(" holds no block here; names in a task are local to it");
      held = Holds::nothing;
      break;
    case OpKind::send:
      if (held == Holds::nothing) fail(" holds no block here; names in a task are local to it");
      if (held == Holds::maybe) fail(" may hold no block here, and cannot be sent");
      held = Holds::nothing;
      break;
    case OpKind::resize:
      if (held == Holds::nothing) fail(" holds no block here; names in a task are local to it");
      break;
    case OpKind::push:
      if (held != Holds::block) fail(" holds no block here, or may not");
      break;
    default: break;
  }
}

void ProgramBuilder::check_lock(const ProgramStep& step, Holds& lock) const {
  const bool is_locked = lock == Holds::block;
  if (step.kind == OpKind::lock && is_locked) {
    fail_on_line(step.line, "this task has locked the heap already, and would wait for itself");
  }
  if (step.kind != OpKind::lock && !is_locked) {
    fail_on_line(step.line, step.by_guard ? "'guard' needs a 'lock' of the same task before it"
                                          : "'unlock' needs a 'lock' of the same task before it");
  }
  if (!step.by_guard) lock = step.kind == OpKind::lock ? Holds::block : Holds::nothing;
}

}  // namespace mneme::driver
