// purpose: turns steps of tasks into steps on names, and compares their results with the world's.
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

std::span<const Event> FlatRun::make_heap(std::size_t heap) {
  const HeapSpec& spec = world_.program().heaps[heap];
  const HeapOptions& options = world_.options().heaps[heap];
  op_ = {};
  op_.kind = heap == 0 ? OpKind::heap : OpKind::named_heap;
  op_.name = op_.heap_name = spec.name;
  op_.size_bytes = options.bytes;
  op_.align_bytes = spec.align_bytes;
  op_.has_align = op_.align_bytes != default_align_bytes;
  op_.raw = ScriptRawHeaps::names[options.raw_row];
  op_.raw_bytes = spec.raw_bytes;
  const QueueRow& row = queue_rows[static_cast<std::size_t>(options.queue.kind)];
  op_.queue = row.name;
  if (!row.number_meaning.empty()) op_.queue_number = options.queue.number;
  op_.line = spec.line;
  op_.file = world_.program().file;
  return executor_.step(op_);
}

std::span<const Event> FlatRun::boot(std::size_t step) {
  const BootStep& boot = world_.boot_steps()[step];
  if (boot.step->kind == OpKind::alloc) {
    const std::string& name = begin_name(world_.name_of(boot.block));
    by_offset_.emplace(boot.block.offset, name);
    return carry_out(*boot.step, OpKind::alloc, name);
  }
  if (boot.step->kind == OpKind::extend) return carry_out(*boot.step, OpKind::extend, {});
  if (boot.step->kind == OpKind::resize) {
    const std::string& name = move_name(boot.old_offset, boot.block.offset, {});
    return carry_out(*boot.step, OpKind::resize, name);
  }
  end_name(by_offset_.find(boot.block.offset));
  return carry_out(*boot.step, OpKind::free, freed_name_);
}

void FlatRun::skip_boot(std::size_t step) {
  const BootStep& boot = world_.boot_steps()[step];
  if (boot.step->kind == OpKind::alloc) {
    by_offset_.emplace(boot.block.offset, begin_name(world_.name_of(boot.block)));
  } else if (boot.step->kind == OpKind::resize) {
    (void)move_name(boot.old_offset, boot.block.offset, {});
  } else if (boot.step->kind == OpKind::free) {
    end_name(by_offset_.find(boot.block.offset));
  }
}

std::string FlatRun::wanted_name(std::size_t task, std::size_t name) const {
  return world_.tasks()[task].name + '.' + world_.tasks()[task].program->names[name];
}

/// If a block has several owners, any of them will do.
std::multimap<std::uint32_t, std::string>::iterator FlatRun::owner_at(std::uint32_t offset,
                                                                      const std::string& wanted) {
  const auto [first, last] = by_offset_.equal_range(offset);
  const auto same =
      std::find_if(first, last, [&](const auto& each) { return each.second == wanted; });
  return same == last ? first : same;
}

void FlatRun::end_name(std::multimap<std::uint32_t, std::string>::iterator owner) {
  freed_name_ = owner->second;
  live_.erase(freed_name_);
  by_offset_.erase(owner);
}

/// The name of a block that a resize may have moved.
const std::string& FlatRun::move_name(std::uint32_t from, std::uint32_t to,
                                      const std::string& wanted) {
  const auto owner = owner_at(from, wanted);
  std::string& name = texts_.emplace_back(owner->second);
  by_offset_.erase(owner);
  by_offset_.emplace(to, name);
  return name;
}

/// By tasks that wait: the names that will hold their blocks; none for the lock.
FlatRun::Slots FlatRun::slots_of_waiting() const {
  Slots slots;
  for (std::size_t heap = 0; heap < world_.heap_count(); ++heap) {
    for (const std::uint8_t waiter : world_.queue(heap)) {
      const ProgramStep& request = *world_.current_step(waiter);
      std::optional<std::size_t>& slot = slots[waiter];
      if (request.kind == OpKind::alloc) slot = request.name;
      if (request.kind == OpKind::resize) slot = request.new_name;
    }
  }
  return slots;
}

std::span<const Event> FlatRun::step(Move move) {
  const std::size_t task = move.task;
  const ProgramStep& step = *world_.current_step(task);
  const Slots slots = slots_of_waiting();
  const bool moves = world_.is_to_move(task);
  const bool has_level = requests(step) || step.kind == OpKind::lock;
  level_ = has_level ? world_.level_of(task, step) : 0;
  const std::uint32_t held = world_.held(task, step.name).offset;
  const StepResult result = world_.step(move);
  std::span<const Event> events;
  if (result.gave_up) {
    freed_name_ = waiting_.at(task);
    events = carry_out(step, OpKind::cancel, freed_name_);
    live_.erase(freed_name_);
    waiting_.erase(task);
  } else if (step.kind == OpKind::alloc) {
    const std::string& name = begin_name(wanted_name(task, step.name));
    events = carry_out(step, step.made_as, name, move.choice);
    if (result.waits) {
      waiting_[task] = name;
    } else if (!result.refused) {
      by_offset_.emplace(world_.held(task, step.name).offset, name);
    } else {
      live_.erase(name);
    }
  } else if (step.kind == OpKind::resize && held != 0) {
    events = resize(step, task, held, result, moves);
  } else if (step.kind == OpKind::free && held != 0) {
    end_name(owner_at(held, wanted_name(task, step.name)));
    events = carry_out(step, OpKind::free, freed_name_);
  } else if (step.kind == OpKind::extend || step.kind == OpKind::unlock) {
    events = carry_out(step, step.kind, {});
  } else if (step.kind == OpKind::lock) {
    const std::string& name = begin_name(world_.tasks()[task].name + ".lock");
    events = carry_out(step, OpKind::lock, name);
    if (result.waits) {
      waiting_[task] = name;
    } else {
      live_.erase(name);
    }
  } else if (step.kind == OpKind::push) {
    events = carry_out(step, OpKind::push, owner_at(held, wanted_name(task, step.name))->second);
  } else if (step.kind == OpKind::clone) {
    const std::string& clone = begin_name(wanted_name(task, step.new_name));
    op_.new_name = clone;
    events = carry_out(step, OpKind::clone, owner_at(held, wanted_name(task, step.name))->second);
    by_offset_.emplace(held, clone);
  }
  take_grants(events, slots);
  check(events, result, world_.granted().size());
  return events;
}

void FlatRun::take_grants(std::span<const Event> events, const Slots& slots) {
  for (const std::size_t granted : world_.granted()) {
    const std::string name = waiting_.at(granted);
    waiting_.erase(granted);
    const std::optional<std::size_t> slot = slots.at(granted);
    if (!slot) {  // the request for the lock ends with its grant
      live_.erase(name);
      continue;
    }
    const HeldBlock& block = world_.held(granted, *slot);
    const bool is_same = std::ranges::any_of(events, [&](const Event& event) {
      return event.kind == EventKind::granted && event.name == name &&
             event.offset == world_.offset_of(block);
    });
    if (!is_same) throw Corruption{name + " is granted differently in the search"};
    by_offset_.emplace(block.offset, name);
  }
}

std::span<const Event> FlatRun::resize(const ProgramStep& step, std::size_t task,
                                       std::uint32_t from, const StepResult& result, bool moves) {
  const std::string wanted = wanted_name(task, step.name);
  if (result.waits) {
    waiting_[task] = owner_at(from, wanted)->second;
    return carry_out(step, OpKind::resize, waiting_[task]);
  }
  const std::uint32_t to = world_.held(task, step.name).offset;
  if (!moves) return carry_out(step, OpKind::resize, move_name(from, to, wanted));
  const auto owner = owner_at(from, wanted);
  (void)by_offset_.erase(owner);  // the new block has its name already
  make_op(step, OpKind::resize, owner_at(to, wanted)->second);
  return executor_.finish_resize(op_);
}

std::span<const Event> FlatRun::carry_out(const ProgramStep& step, OpKind kind,
                                          std::string_view name, std::size_t choice) {
  make_op(step, kind, name, choice);
  return executor_.step(op_);
}

void FlatRun::make_op(const ProgramStep& step, OpKind kind, std::string_view name,
                      std::size_t choice) {
  const std::string_view new_name = kind == OpKind::clone ? op_.new_name : std::string_view{};
  op_ = {};
  op_.new_name = new_name;
  op_.kind = kind;
  op_.name = name;
  op_.mode = step.try_now ? AllocMode::try_now : step.by_guard ? AllocMode::guard : AllocMode::wait;
  if (requests(step) || step.kind == OpKind::extend) {
    op_.size_bytes = step.size_of(choice);
  }
  op_.count = step.count;
  const HeapSpec& spec = world_.program().heaps[step.heap];
  if (kind == step.made_as || kind == OpKind::extend || kind == OpKind::lock ||
      kind == OpKind::unlock) {
    op_.heap = step.heap;
    op_.heap_name = spec.name;
  }
  op_.align_bytes = kind == OpKind::alloc ? step.align_bytes : spec.align_bytes;
  op_.has_align = step.has_align;
  if (kind != OpKind::cancel && (step.waits_for_memory() || kind == OpKind::lock) && level_ > 0) {
    op_.holding = world_.options().heaps[step.heap].queue.kind == OracleQueue::Kind::holders_first;
    if (!op_.holding) op_.priority = level_;
  }
  op_.line = step.line;
  op_.file = world_.program().file;
}

const std::string& FlatRun::begin_name(const std::string& wanted) {
  std::string name = wanted;
  for (std::size_t number = 2; live_.contains(name); ++number) {
    name = wanted + '-' + std::to_string(number);
  }
  live_[name] = 1;
  return texts_.emplace_back(std::move(name));
}

/// Compares the offsets with the executor's, which the oracle has checked.
void FlatRun::check(std::span<const Event> events, const StepResult& result,
                    std::size_t grants) const {
  std::size_t granted = 0;
  bool waits = false;
  bool refused = false;
  std::size_t offset = 0;
  for (const Event& event : events) {
    const bool is_grant = event.kind == EventKind::granted || event.kind == EventKind::lock_granted;
    granted += is_grant ? 1 : 0;
    waits = waits || event.kind == EventKind::waiting || event.kind == EventKind::lock_waits;
    refused = refused || event.kind == EventKind::refused;
    if (event.kind == EventKind::granted_at_once || event.kind == EventKind::resized ||
        event.kind == EventKind::moved_at_once || event.kind == EventKind::moved) {
      offset = event.offset;
    }
    // A request that passes others is queued first.
    if (is_grant && event.name == op_.name && !result.waits) {
      --granted;
      waits = false;
      offset = event.offset;
    }
  }
  if (granted != grants || waits != result.waits || refused != result.refused ||
      offset != result.offset) {
    throw Corruption{"the search and the run differ"};
  }
}

}  // namespace mneme::driver
