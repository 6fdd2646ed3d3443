// purpose: the steps of a program that need more than their names: requests, and blocks of steps.
// layer: language; includes program, command_table.
// threads: one owner.
// invariants: see program.hpp.
#include <algorithm>
#include <span>

#include "command_table.hpp"
#include "line.hpp"
#include "program.hpp"

namespace mneme::driver {

void ProgramBuilder::add_alloc(const Op& op, ProgramStep& step) const {
  step.kind = OpKind::alloc;
  step.made_as = op.kind;
  step.try_now = op.mode == AllocMode::try_now;
  step.by_guard = op.mode == AllocMode::guard;
  step.can_time_out = op.mode == AllocMode::timeout;
  if (task_ != nullptr && task_->is_isr && !step.try_now) {
    fail_at(op, 0,
            "an isr cannot wait for memory; use 'alloc " + std::string{op.name} + " SIZE try'");
  }
  step.size_bytes = op.size_bytes;
  step.align_bytes = op.align_bytes;
  step.has_align = op.has_align;
  add_rank(op, step);
  for_each_size(op, [&](std::uint64_t size_bytes) { step.sizes.push_back(size_bytes); });
  if (op.kind == OpKind::alloc) return;
  step.count = op.count;
  const std::uint64_t count_max = std::uint64_t{1} << 40U;  // more than any heap that is explored
  step.size_bytes =
      op.kind == OpKind::arc ? arc_bytes : std::min(op.count, count_max) * element_bytes;
  step.align_bytes = element_bytes;
}

void ProgramBuilder::add_extension(const Op& op, ProgramStep& step) {
  step.size_bytes = extension_bytes(op);
  std::uint64_t times = task_ == nullptr ? 1 : task_->copies;  // that it runs at most
  const auto multiply = [&](std::uint64_t by) {
    if (__builtin_mul_overflow(times, by, &times)) times = forever;
  };
  for (const Block& block : blocks_) {
    if (block.kind == OpKind::repeat) multiply(program_of_step().steps[block.step].count);
    if (block.kind == OpKind::repeat && program_of_step().steps[block.step].count == forever) {
      fail_at(op, 0, "'extend' inside of 'repeat forever': no region grows for ever");
    }
  }
  multiply(step.size_bytes);
  HeapSpec& heap = program_.heaps[op.heap];
  if (__builtin_add_overflow(heap.extension_bytes, times, &heap.extension_bytes)) {
    heap.extension_bytes = forever;
  }
}

/// The blocks of a name are in one heap, so that only its request has to name that.
void ProgramBuilder::check_heap(const Op& op, ProgramStep& step) {
  step.heap = op.heap;
  const auto made = [&](std::size_t name, std::uint8_t heap) {
    if (made_in_.size() <= name) made_in_.resize(name + 1, heaps_max);
    if (made_in_[name] < heaps_max && made_in_[name] != heap) {
      fail_at(op, op.name_column, in_quotes(op.name) + " is requested in another heap above");
    }
    made_in_[name] = heap;
  };
  if (step.kind == OpKind::alloc) made(step.name, op.heap);
  if (step.kind == OpKind::clone) made(step.new_name, made_in_[step.name]);
  if (step.kind == OpKind::resize) step.heap = made_in_[step.name];
}

void ProgramBuilder::begin_loop(const Op& op, ProgramStep& step) {
  if (op.count == 0) fail_at(op, op.number_column, "the count of 'repeat' must be at least 1");
  if (op.count == forever && task_ == nullptr) {
    fail_at(op, op.number_column, "'repeat forever' is for tasks only");
  }
  TaskProgram& task = task_ == nullptr ? program_.boot : *task_;
  step.count = op.count;
  step.loop = task.loops++;
  blocks_.push_back({OpKind::repeat, task.steps.size()});
}

/// An `or` is the last step of the branch before it: a jump behind the end of the `choose`.
void ProgramBuilder::begin_branch(ProgramStep& step) {
  TaskProgram& task = program_of_step();
  std::vector<std::size_t>& branches = task.steps[blocks_.back().step].branches;
  if (branches.size() == choices_max) {
    fail_on_line(step.line, "more than 16 blocks to choose from");
  }
  branches.push_back(task.steps.size() + 1);
}

bool ProgramBuilder::end_block(ProgramStep& step) {
  TaskProgram& task = program_of_step();
  const Block block = blocks_.back();
  blocks_.pop_back();
  if (block.kind == OpKind::atomic) {
    if (block.step == task.steps.size()) {
      fail_on_line(step.line, "a block without steps");
    }
    return false;
  }
  ProgramStep& first = task.steps[block.step];
  first.jump = task.steps.size() + 1;
  if (block.kind == OpKind::choose) {
    if (first.branches.size() < 2) {
      fail_on_line(first.line, "a 'choose' without an 'or'");
    }
    for (const std::size_t branch : std::span(first.branches).subspan(1)) {
      task.steps[branch - 1].jump = first.jump;
    }
    return true;
  }
  step.ends_loop = true;
  step.loop = first.loop;
  step.jump = block.step + 1;
  if (first.jump == step.jump + 1) {
    fail_on_line(first.line, "a block without steps");
  }
  return true;
}

}  // namespace mneme::driver
