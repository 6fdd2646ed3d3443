// purpose: steps of tasks as steps of names, compared with what the world saw.
// layer: explore; includes flat_run, checker.
// threads: one owner.
// invariants: see flat_run.hpp.
#include "flat_run.hpp"

#include <algorithm>

#include "driver/execute/checker.hpp"

namespace mneme::driver {

FlatRun::FlatRun(World& world, Executor& executor) : world_{world}, executor_{executor} {
  world_.restart();
}

std::span<const Event> FlatRun::make_heap() {
  op_ = {};
  op_.kind = OpKind::heap;
  op_.size_bytes = world_.options().heap_bytes;
  op_.align_bytes = world_.program().align_bytes;
  op_.raw = RawHeaps::names[world_.options().raw_row];
  return executor_.step(op_);
}

std::span<const Event> FlatRun::boot(std::size_t step) {
  const BootStep& boot = world_.boot_steps()[step];
  if (boot.step->kind == OpKind::alloc) {
    std::string& name = by_offset_[boot.block.offset];
    name = begin_name(world_.name_of(boot.block));
    return carry_out(*boot.step, OpKind::alloc, name);
  }
  freed_name_ = by_offset_[boot.block.offset];
  by_offset_.erase(boot.block.offset);
  live_.erase(freed_name_);
  return carry_out(*boot.step, OpKind::free, freed_name_);
}

void FlatRun::skip_boot(std::size_t step) {
  const BootStep& boot = world_.boot_steps()[step];
  if (boot.step->kind == OpKind::alloc) {
    by_offset_[boot.block.offset] = begin_name(world_.name_of(boot.block));
  } else {
    live_.erase(by_offset_[boot.block.offset]);
    by_offset_.erase(boot.block.offset);
  }
}

std::span<const Event> FlatRun::step(std::size_t task) {
  const ProgramStep& step = *world_.current_step(task);
  const std::vector<std::uint8_t> queue(world_.queue().begin(), world_.queue().end());
  std::vector<std::size_t> slots;  // of the requests that wait
  slots.reserve(queue.size());
  for (const std::uint8_t waiter : queue) slots.push_back(world_.current_step(waiter)->name);
  const std::uint32_t freed = step.kind == OpKind::free ? world_.held(task, step.name).offset : 0;
  const StepResult result = world_.step(task);
  std::span<const Event> events;
  if (step.kind == OpKind::alloc) {
    const std::string& name = begin_name(world_.tasks()[task].name + '.' +
                                         world_.tasks()[task].program->names[step.name]);
    events = carry_out(step, OpKind::alloc, name);
    if (result.waits) {
      waiting_[task] = name;
    } else if (!result.refused) {
      by_offset_[static_cast<std::uint32_t>(result.offset)] = name;
    } else {
      live_.erase(name);
    }
  } else if (freed != 0) {
    freed_name_ = by_offset_.at(freed);
    events = carry_out(step, OpKind::free, freed_name_);
    live_.erase(freed_name_);
    by_offset_.erase(freed);
  }
  for (std::size_t grant = 0; grant < result.grants; ++grant) {
    const std::size_t granted = queue[grant];
    const std::uint32_t offset = world_.held(granted, slots[grant]).offset;
    const std::string& name = waiting_.at(granted);
    const bool is_same = std::ranges::any_of(events, [&](const Event& event) {
      return event.kind == EventKind::granted && event.name == name && event.offset == offset;
    });
    if (!is_same) throw Corruption{name + " is granted otherwise in the search"};
    by_offset_[offset] = name;
    waiting_.erase(granted);
  }
  check(events, result, result.grants);
  return events;
}

std::span<const Event> FlatRun::carry_out(const ProgramStep& step, OpKind kind,
                                          const std::string& name) {
  op_ = {};
  op_.kind = kind;
  op_.name = name;
  op_.mode = step.try_now ? AllocMode::try_now : AllocMode::wait;
  op_.size_bytes = step.size_bytes;
  op_.align_bytes = kind == OpKind::alloc ? step.align_bytes : world_.program().align_bytes;
  op_.has_align = step.has_align;
  op_.line = step.line;
  op_.file = world_.program().file;
  return executor_.step(op_);
}

const std::string& FlatRun::begin_name(const std::string& wanted) {
  std::string name = wanted;
  for (std::size_t number = 2; live_.contains(name); ++number) {
    name = wanted + '-' + std::to_string(number);
  }
  live_[name] = 1;
  return texts_.emplace_back(std::move(name));
}

/// The offsets are compared with the executor's, and those with the oracle's.
void FlatRun::check(std::span<const Event> events, const StepResult& result,
                    std::size_t grants) const {
  std::size_t granted = 0;
  bool waits = false;
  bool refused = false;
  std::size_t offset = 0;
  for (const Event& event : events) {
    granted += event.kind == EventKind::granted ? 1 : 0;
    waits = waits || event.kind == EventKind::waiting;
    refused = refused || event.kind == EventKind::refused;
    if (event.kind == EventKind::granted_at_once) offset = event.offset;
  }
  if (granted != grants || waits != result.waits || refused != result.refused ||
      offset != result.offset) {
    throw Corruption{"the search and the run differ"};
  }
}

}  // namespace mneme::driver
