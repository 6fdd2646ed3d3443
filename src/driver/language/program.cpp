// purpose: builds a program: resolves names, closes loops, and checks which names hold blocks.
// layer: language; includes program, command_table, format_op.
// threads: one owner.
// invariants: see program.hpp.
#include "program.hpp"

#include <algorithm>
#include <utility>

#include "command_table.hpp"
#include "format_op.hpp"
#include "line.hpp"

namespace mneme::driver {

namespace {

std::string keyword_of(const Op& op) { return in_quotes(command_of(op.kind).keyword); }

/// Whether a step may be in a task.
bool is_task_step(OpKind kind) {
  switch (kind) {
    case OpKind::alloc:
    case OpKind::free:
    case OpKind::drop:
    case OpKind::repeat:
    case OpKind::end:
    case OpKind::yield:
    case OpKind::signal:
    case OpKind::wait:
    case OpKind::send:
    case OpKind::receive:
    case OpKind::array:
    case OpKind::vec:
    case OpKind::push:
    case OpKind::arc:
    case OpKind::clone:
    case OpKind::extend:
    case OpKind::resize:
    case OpKind::lock:
    case OpKind::unlock:
    case OpKind::choose:
    case OpKind::or_else:
    case OpKind::atomic: return true;
    default: return false;
  }
}

/// Whether such a step may also come before the tasks.
bool is_boot_step(OpKind kind) {
  return kind == OpKind::alloc || kind == OpKind::free || kind == OpKind::drop ||
         kind == OpKind::resize || kind == OpKind::extend || kind == OpKind::repeat ||
         kind == OpKind::end;
}

/// Whether a step of a task may be in an isr.
bool is_isr_step(OpKind kind) {
  return kind != OpKind::wait && kind != OpKind::yield && kind != OpKind::extend &&
         kind != OpKind::resize && kind != OpKind::lock;
}

template <class Specs>
std::size_t find_spec(const Specs& specs, std::string_view name) {
  const auto at = std::ranges::find(specs, name, &Specs::value_type::name);
  return static_cast<std::size_t>(at - specs.begin());
}

}  // namespace

void ProgramBuilder::fail_on_line(std::uint64_t line, std::string message) const {
  throw ScriptError{Diagnostic{.file = program_.file,
                               .line = line,
                               .column = 1,
                               .message = std::move(message),
                               .source_line = {}}};
}

bool TaskProgram::goes_on_forever() const {
  return std::ranges::any_of(steps, [](const ProgramStep& step) {
    return step.kind == OpKind::repeat && step.count == forever;
  });
}

bool TaskProgram::has(OpKind kind) const {
  return std::ranges::any_of(steps, [&](const ProgramStep& step) { return step.kind == kind; });
}

bool Program::goes_on_forever() const {
  return std::ranges::any_of(tasks, &TaskProgram::goes_on_forever);
}

void ProgramBuilder::add_now(const Op& op) {
  if (is_heap(op.kind)) return add_heap(op);
  if (!is_of_tasks(op.kind) && !has_tasks_ && (++steps_ > boot_steps_max || flat_)) return;
  has_tasks_ = has_tasks_ || is_of_tasks(op.kind);
  if (has_tasks_ && flat_) throw *std::move(flat_);
  if (has_tasks_ && steps_ > boot_steps_max) {
    fail_at(op, 0, "more than 1,000 steps before the tasks");
  }
  if (has_tasks_) return add_any(op);
  try {
    add_any(op);
  } catch (const ScriptError& error) {
    flat_ = error;
  }
}

void ProgramBuilder::add_heap(const Op& op) {
  if (!program_.tasks.empty()) fail_at(op, 0, "heaps must come before the first task");
  program_.file = op.file;
  program_.heaps.push_back({.name = std::string{op.heap_name},
                            .bytes = op.size_bytes,
                            .align_bytes = op.align_bytes,
                            .raw = std::string{op.raw},
                            .raw_bytes = op.raw_bytes,
                            .queue = std::string{op.queue},
                            .queue_number = op.queue_number,
                            .line = op.line});
}

void ProgramBuilder::add_any(const Op& op) {
  if (task_ == nullptr && !is_task_step(op.kind)) return add_top(op);
  if (op.kind == OpKind::cancel) {
    fail_at(op, 0,
            "a task waits until it has its memory, and has nothing to cancel; 'alloc NAME "
            "SIZE timeout' may give up");
  }
  if (!is_task_step(op.kind)) {
    fail_at(op, 0, keyword_of(op) + " cannot be a step of a task");
  }
  if (task_ == nullptr && program_.tasks.empty() && !is_boot_step(op.kind)) {
    fail_at(op, 0, keyword_of(op) + " cannot go before the tasks");
  }
  if (task_ == nullptr && !program_.tasks.empty()) {
    fail_at(op, 0, "steps outside of tasks must come before the first task");
  }
  add_step(op);
}

void ProgramBuilder::add_top(const Op& op) {
  switch (op.kind) {
    case OpKind::task:
    case OpKind::isr: return begin_task(op);
    case OpKind::expect_end: program_.expected = op.ending; return;
    case OpKind::semaphore: {
      if (find_spec(program_.semaphores, op.name) < program_.semaphores.size()) {
        fail_at(op, op.name_column, "a second semaphore or signal " + in_quotes(op.name));
      }
      program_.semaphores.push_back({std::string{op.name}, op.count});
      return;
    }
    case OpKind::mailbox: {
      if (find_spec(program_.mailboxes, op.name) < program_.mailboxes.size()) {
        fail_at(op, op.name_column, "a second mailbox " + in_quotes(op.name));
      }
      if (op.count == 0 || op.count > 1000) {
        fail_at(op, op.number_column, "the capacity of a mailbox must be 1 to 1,000");
      }
      program_.mailboxes.push_back({std::string{op.name}, op.count});
      return;
    }
    default: fail_at(op, 0, keyword_of(op) + " cannot be used in a script with tasks");
  }
}

void ProgramBuilder::begin_task(const Op& op) {
  for (const TaskProgram& task : program_.tasks) {
    if (task.name == op.name) fail_at(op, op.name_column, "a second task " + in_quotes(op.name));
  }
  const std::size_t copies = op.kind == OpKind::isr ? 1 : op.count;
  if (program_.task_count() + copies > tasks_max) fail_at(op, 0, "more than 64 tasks");
  program_.tasks.push_back({.name = std::string{op.name},
                            .is_isr = op.kind == OpKind::isr,
                            .is_numbered = copies > 1,
                            .copies = copies,
                            .steps = {},
                            .names = {}});
  task_ = &program_.tasks.back();
  made_by_.clear();
  made_in_.clear();
  name_indices_.clear();
}

void ProgramBuilder::add_step(const Op& op) {
  TaskProgram& task = task_ == nullptr ? program_.boot : *task_;
  if (task.is_isr && !is_isr_step(op.kind)) {
    fail_at(op, 0, "an isr cannot " + std::string{command_of(op.kind).keyword});
  }
  CommandBuffer buffer;
  ProgramStep step;
  step.kind = op.kind;
  step.is_glued = is_glued();
  step.line = op.line;
  step.text = format_op(op, buffer);
  switch (op.kind) {
    case OpKind::array:
    case OpKind::vec:
    case OpKind::arc:
    case OpKind::alloc: add_alloc(op, step); [[fallthrough]];
    case OpKind::push:
    case OpKind::free:
    case OpKind::drop:
      if (op.defer) fail_at(op, op.mode_column, "'defer' cannot be used in a script with tasks");
      if (op.kind == OpKind::drop) step.kind = OpKind::free;
      step.name = name_index(op.name);
      break;
    case OpKind::clone:
      step.name = name_index(op.name);
      step.new_name = name_index(op.new_name);
      break;
    case OpKind::resize:
      step.name = name_index(op.name);
      step.new_name = name_index("new " + std::string{op.name});
      step.size_bytes = op.size_bytes;
      break;
    case OpKind::signal:
    case OpKind::wait: step.object = semaphore_index(op); break;
    case OpKind::send:
    case OpKind::receive:
      step.object = mailbox_index(op);
      step.name = name_index(op.new_name);
      break;
    case OpKind::extend: add_extension(op, step); break;
    case OpKind::repeat: begin_loop(op, step); break;
    case OpKind::choose:
    case OpKind::atomic: blocks_.push_back({op.kind, task.steps.size()}); break;
    case OpKind::or_else: begin_branch(step); break;
    case OpKind::end:
      if (blocks_.empty()) {
        task_ = nullptr;
        return;
      }
      if (!end_block(step)) return;
      break;
    default: break;  // yield, lock, unlock
  }
  if (op.kind == OpKind::atomic) return;
  if (op.kind == OpKind::choose) step.branches = {task.steps.size() + 1};
  check_kind(op, step);
  check_heap(op, step);
  task.steps.push_back(std::move(step));
}

/// Whether the next step follows another one of the same `atomic`.
bool ProgramBuilder::is_glued() const {
  const TaskProgram& task = task_ == nullptr ? program_.boot : *task_;
  return std::ranges::any_of(blocks_, [&](const Block& block) {
    return block.kind == OpKind::atomic && block.step < task.steps.size();
  });
}

/// Each name is made by one kind of step, which decides which other steps it allows.
void ProgramBuilder::check_kind(const Op& op, ProgramStep& step) {
  const auto made = [&](std::size_t name, OpKind kind, Column column) {
    if (made_by_.size() <= name) made_by_.resize(name + 1, OpKind::heap);
    if (made_by_[name] != OpKind::heap && made_by_[name] != kind) {
      fail_at(op, column,
              "a name of a task is made by one kind of step: '" +
                  std::string{command_of(made_by_[name]).keyword} + "' or " + keyword_of(op));
    }
    made_by_[name] = kind;
  };
  const auto needs = [&](OpKind kind) {
    if (step.name < made_by_.size() && made_by_[step.name] == kind) return;
    fail_at(op, op.name_column,
            keyword_of(op) + " needs what '" + std::string{command_of(kind).keyword} + "' made");
  };
  switch (op.kind) {
    case OpKind::alloc:
    case OpKind::array:
    case OpKind::vec:
    case OpKind::arc: made(step.name, op.kind, op.name_column); break;
    case OpKind::receive: made(step.name, op.kind, op.new_name_column); break;
    case OpKind::push: needs(OpKind::vec); break;
    case OpKind::resize: needs(OpKind::alloc); break;
    case OpKind::clone:
      needs(OpKind::arc);
      made(step.new_name, OpKind::arc, op.new_name_column);
      break;
    default: break;
  }
}

std::size_t ProgramBuilder::name_index(std::string_view name) {
  if (const auto known = name_indices_.find(name); known != name_indices_.end()) {
    return known->second;
  }
  std::vector<std::string>& names = program_of_step().names;
  name_indices_.emplace(name, names.size());
  names.emplace_back(name);
  return names.size() - 1;
}

/// A signal is declared by its first use, and some task must signal it.
std::size_t ProgramBuilder::semaphore_index(const Op& op) {
  const std::size_t index = find_spec(program_.semaphores, op.name);
  if (index == program_.semaphores.size()) {
    program_.semaphores.push_back({std::string{op.name}, 0});
    never_signalled_.push_back({std::string{op.name},
                                {.file = std::string{op.file},
                                 .line = op.line,
                                 .column = op.name_column,
                                 .message = "no task signals " + in_quotes(op.name),
                                 .source_line = std::string{op.source_line}}});
  }
  if (op.kind == OpKind::signal) {
    std::erase_if(never_signalled_, [&](const NamedError& each) { return each.name == op.name; });
  }
  return index;
}

std::size_t ProgramBuilder::mailbox_index(const Op& op) const {
  const std::size_t index = find_spec(program_.mailboxes, op.name);
  if (index == program_.mailboxes.size()) {
    fail_at(
        op, op.name_column,
        "unknown mailbox " + in_quotes(op.name) + "; declare it first: 'mailbox NAME CAPACITY'");
  }
  return index;
}

}  // namespace mneme::driver
