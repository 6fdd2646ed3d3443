// purpose: builds a program: resolves names, closes loops, and checks which names hold blocks.
// layer: language; includes program, command_table, format_op.
// threads: one owner.
// invariants: see program.hpp.
#include "program.hpp"

#include <algorithm>
#include <utility>

#include "command_table.hpp"
#include "format_op.hpp"

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
    case OpKind::receive: return true;
    default: return false;
  }
}

template <class Specs>
std::size_t find_spec(const Specs& specs, std::string_view name) {
  const auto at = std::ranges::find(specs, name, &Specs::value_type::name);
  return static_cast<std::size_t>(at - specs.begin());
}

[[noreturn]] void fail_on_line(const std::string& file, std::uint64_t line, std::string message) {
  throw ScriptError{Diagnostic{
      .file = file, .line = line, .column = 1, .message = std::move(message), .source_line = {}}};
}

}  // namespace

bool TaskProgram::goes_on_forever() const {
  return std::ranges::any_of(steps, [](const ProgramStep& step) {
    return step.kind == OpKind::repeat && step.count == forever;
  });
}

bool Program::goes_on_forever() const {
  return std::ranges::any_of(tasks, &TaskProgram::goes_on_forever);
}

std::size_t Program::task_count() const {
  std::size_t count = 0;
  for (const TaskProgram& task : tasks) count += task.copies;
  return count;
}

void ProgramBuilder::add(const Op& op) {
  if (op.kind == OpKind::heap) {
    program_.file = op.file;
    program_.heap_bytes = op.size_bytes;
    program_.align_bytes = op.align_bytes;
    program_.raw = op.raw;
    return;
  }
  if (!is_of_tasks(op.kind) && !has_tasks_ && (flat_ || ++steps_ > boot_steps_max)) return;
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

void ProgramBuilder::add_any(const Op& op) {
  if (task_ == nullptr && !is_task_step(op.kind)) return add_top(op);
  if (!is_task_step(op.kind)) {
    fail_at(op, 0, keyword_of(op) + " cannot be a step of a task");
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
}

void ProgramBuilder::add_step(const Op& op) {
  TaskProgram& task = task_ == nullptr ? program_.boot : *task_;
  if (task.is_isr && (op.kind == OpKind::wait || op.kind == OpKind::yield)) {
    fail_at(op, 0, "an isr cannot " + std::string{command_of(op.kind).keyword});
  }
  CommandBuffer buffer;
  ProgramStep step{.kind = op.kind, .line = op.line, .text = std::string{format_op(op, buffer)}};
  switch (op.kind) {
    case OpKind::alloc: add_alloc(op, step); [[fallthrough]];
    case OpKind::free:
    case OpKind::drop:
      if (op.defer) fail_at(op, op.mode_column, "'defer' cannot be used in a script with tasks");
      if (op.kind == OpKind::drop) step.kind = OpKind::free;
      step.name = name_index(op.name);
      break;
    case OpKind::signal:
    case OpKind::wait: step.object = semaphore_index(op); break;
    case OpKind::send:
    case OpKind::receive:
      step.object = mailbox_index(op);
      step.name = name_index(op.new_name);
      break;
    case OpKind::repeat: begin_loop(op, step); break;
    case OpKind::end:
      if (blocks_.empty()) {
        task_ = nullptr;
        return;
      }
      end_block(step);
      break;
    default: break;  // yield
  }
  task.steps.push_back(std::move(step));
}

void ProgramBuilder::add_alloc(const Op& op, ProgramStep& step) const {
  if (op.mode == AllocMode::guard) {
    fail_at(op, op.mode_column, "'guard' cannot be used in a script with tasks");
  }
  step.try_now = op.mode == AllocMode::try_now;
  if (task_ != nullptr && task_->is_isr && !step.try_now) {
    fail_at(op, 0,
            "an isr cannot wait for memory; use 'alloc " + std::string{op.name} + " SIZE try'");
  }
  step.size_bytes = op.size_bytes;
  step.align_bytes = op.align_bytes;
  step.has_align = op.has_align;
}

void ProgramBuilder::begin_loop(const Op& op, ProgramStep& step) {
  if (op.count == 0) fail_at(op, op.number_column, "the count of 'repeat' must be at least 1");
  if (op.count == forever && task_ == nullptr) {
    fail_at(op, op.number_column, "'repeat forever' is for tasks only");
  }
  TaskProgram& task = task_ == nullptr ? program_.boot : *task_;
  step.count = op.count;
  step.loop = task.loops++;
  blocks_.push_back(task.steps.size());
}

void ProgramBuilder::end_block(ProgramStep& step) {
  TaskProgram& task = task_ == nullptr ? program_.boot : *task_;
  ProgramStep& loop = task.steps[blocks_.back()];
  step.loop = loop.loop;
  step.jump = blocks_.back() + 1;
  loop.jump = task.steps.size() + 1;
  if (loop.jump == step.jump + 1) fail_on_line(program_.file, loop.line, "a block without steps");
  blocks_.pop_back();
}

std::size_t ProgramBuilder::name_index(std::string_view name) {
  std::vector<std::string>& names = task_ == nullptr ? program_.boot.names : task_->names;
  const auto at = std::ranges::find(names, name);
  const auto index = static_cast<std::size_t>(at - names.begin());
  if (at == names.end()) names.emplace_back(name);
  return index;
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

Program ProgramBuilder::finish() {
  if (!never_signalled_.empty()) throw ScriptError{std::move(never_signalled_.front().error)};
  if (program_.tasks.empty()) {
    fail_on_line(program_.file, 1, "the script has no task");
  }
  std::vector<Holds> held(program_.boot.names.size());
  check_names(program_.boot, 0, program_.boot.steps.size(), held);
  for (const TaskProgram& task : program_.tasks) {
    if (task.steps.empty())
      fail_on_line(program_.file, 1, "task " + in_quotes(task.name) + " has no steps");
    held.assign(task.names.size(), Holds::nothing);
    check_names(task, 0, task.steps.size(), held);
  }
  return std::move(program_);
}

// Whether a name holds a block after a loop's body depends only on the last step on it; so a body
// that can run twice can run any number of times. NOLINTNEXTLINE(misc-no-recursion): blocks nest,
// as deep as the parser lets them
void ProgramBuilder::check_names(const TaskProgram& task, std::size_t from, std::size_t to,
                                 std::vector<Holds>& held) const {
  for (std::size_t at = from; at < to; ++at) {
    const ProgramStep& step = task.steps[at];
    if (step.kind == OpKind::repeat) {
      for (std::uint64_t round = 0; round < std::min<std::uint64_t>(step.count, 2); ++round) {
        check_names(task, at + 1, step.jump - 1, held);
      }
      at = step.jump - 1;
    } else if (!task.names.empty()) {
      check_name(step, task.names[step.name], held[step.name]);
    }
  }
}

void ProgramBuilder::check_name(const ProgramStep& step, const std::string& name,
                                Holds& held) const {
  const auto fail = [&](std::string_view what) {
    fail_on_line(program_.file, step.line, in_quotes(name) + std::string{what});
  };
  switch (step.kind) {
    case OpKind::alloc:
    case OpKind::receive:
      if (held != Holds::nothing) fail(" still holds a block here");
      held = step.try_now ? Holds::maybe : Holds::block;
      break;
    case OpKind::free:
      if (held == Holds::nothing) fail(" holds no block here; names in a task are local to it");
      held = Holds::nothing;
      break;
    case OpKind::send:
      if (held == Holds::nothing) fail(" holds no block here; names in a task are local to it");
      if (held == Holds::maybe) fail(" may have been refused, and cannot be sent");
      held = Holds::nothing;
      break;
    default: break;
  }
}

}  // namespace mneme::driver
