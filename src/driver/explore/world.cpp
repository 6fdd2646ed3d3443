// purpose: constructs the world, carries out the steps before the tasks, and answers queries.
// layer: explore; includes world, diagnostic.
// threads: one owner.
// invariants: see world.hpp.
#include "world.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <mneme/node.hpp>

#include "driver/language/diagnostic.hpp"

namespace mneme::driver {

namespace {

/// Whether a step may request a block.
bool requests(const ProgramStep& step) {
  return step.kind == OpKind::alloc || step.kind == OpKind::resize;
}

/// For a larger heap, replaying the steps to a state is cheaper than copying it.
constexpr std::uint64_t copied_bytes_max = std::uint64_t{64} << 10U;

/// Whether all that a raw heap remembers is in itself and in its region.
bool is_copyable(std::string_view raw) {
  return raw == FirstFit::name || raw == Bounded::name || raw == PoolRow::name ||
         raw == ChainRow::name;
}

}  // namespace

WorldOptions options_of(const Program& program) {
  const auto row = ScriptRawHeaps::find(program.raw);
  const auto fail = [&](const std::string& message) {
    throw InputError(program.file + ": " + message);
  };
  if (!row) fail(unknown_raw_heap(program.raw, raw_heap_forms<ScriptRawHeaps>()));
  if (const auto wrong = wrong_form(*row, program.raw_bytes.has_value())) fail(*wrong);
  const auto queue = find_queue(program.queue, program.queue_number);
  if (const auto* const error = std::get_if<QueueError>(&queue)) fail(error->message);
  return {.heap_bytes = program.heap_bytes,
          .raw_row = *row,
          .raw_arguments = {.number = program.raw_bytes.value_or(0), .align = program.align_bytes},
          .queue = std::get<OracleQueue>(queue)};
}

World::World(const Program& program, const WorldOptions& options)
    : World{program, options, EmptyHeap{}} {  // which the destructor ends, if a check here throws
  const OracleMemory memory = memory_of(heap_->raw());
  base_offset_ = memory.parts.front().offset;
  slot_bytes_ = memory.slot_bytes;
  first_capacity_ = heap_->capacity_bytes();
  counts_blocks_ = !options_.is_exact && !has_clones_ && (slot_bytes_ != 0 || has_one_size());
  check_requests(program_.boot);
  for (const TaskProgram& task : program_.tasks) check_requests(task);
  if (can_copy_) {
    pristine_.resize(arena_bytes_);
    save(pristine_.data());
  }
  run_boot();
  if (can_copy_) {
    booted_.resize(arena_bytes_);
    save(booted_.data());
  }
}

World::World(const Program& program, const WorldOptions& options, EmptyHeap /*tag*/)
    : program_{program}, options_{options} {
  check_raw_heap();
  region_bytes_ =
      ScriptRawHeaps::region_bytes(options_.raw_row, options_.heap_bytes, options_.raw_arguments);
  can_copy_ = is_copyable(ScriptRawHeaps::names[options_.raw_row]) &&
              region_bytes_ + program_.extension_bytes <= copied_bytes_max;
  has_clones_ = program_.has(OpKind::clone);
  has_resizes_ = program_.has(OpKind::resize);
  for (const TaskProgram& task : program_.tasks) {
    has_atomic_ = has_atomic_ || std::ranges::any_of(task.steps, &ProgramStep::is_glued);
  }
  check_extensions(program_.boot);
  for (const TaskProgram& task : program_.tasks) check_extensions(task);
  lay_out();
  make_heap();
}

void World::check_raw_heap() const {
  const std::uint64_t bytes_max = std::numeric_limits<std::uint32_t>::max();
  const RawArguments& arguments = options_.raw_arguments;
  const auto wrong = ScriptRawHeaps::wrong(options_.raw_row, options_.heap_bytes, arguments);
  if (wrong) {
    throw ScriptError{Diagnostic{.file = program_.file,
                                 .line = program_.heap_line,
                                 .column = 1,
                                 .message = *wrong,
                                 .source_line = {}}};
  }
  if (options_.heap_bytes > bytes_max || arguments.number > bytes_max ||
      program_.extension_bytes > bytes_max ||
      options_.heap_bytes + arguments.number + program_.extension_bytes > bytes_max) {
    throw InputError("heaps of more than 4 GiB are not explored");
  }
}

void World::fail_step(const ProgramStep& step, std::string message) const {
  throw ScriptError{Diagnostic{.file = program_.file,
                               .line = step.line,
                               .column = 1,
                               .message = std::move(message),
                               .source_line = step.text}};
}

World::~World() {
  if (!pristine_.empty()) {
    load(pristine_.data());
  } else {
    take_apart();
  }
  heap_->~DriverHeap();
}

bool World::can_step(std::size_t task) const {
  if (!is_able(task) || is_held_up(task)) return false;
  if (control(task).state == TaskState::waiting) return true;
  if (options_.switches == Switches::anywhere || tasks_[task].program->is_isr) return true;
  const std::size_t current = head_->current;
  return current == task || current >= tasks().size() || !is_able(current);
}

/// Whether another task is inside an `atomic` and can run.
bool World::is_held_up(std::size_t task) const {
  if (!has_atomic_) return false;
  const auto is_inside = [&](std::size_t each) {
    return control(each).state == TaskState::ready && current_step(each)->is_glued && is_able(each);
  };
  if (is_inside(task)) return false;
  for (std::size_t other = 0; other < tasks().size(); ++other) {
    if (other != task && is_inside(other)) return true;
  }
  return false;
}

bool World::is_able(std::size_t task) const {
  if (control(task).state == TaskState::waiting) return current_step(task)->can_time_out;
  if (control(task).state != TaskState::ready) return false;
  return is_object_ready(tasks_[task].program->steps[control(task).at]);
}

bool World::is_object_ready(const ProgramStep& step) const {
  switch (step.kind) {
    case OpKind::wait: return semaphores_[step.object] > 0;
    case OpKind::send: return mail_counts_[step.object] < program_.mailboxes[step.object].capacity;
    case OpKind::receive: return mail_counts_[step.object] > 0;
    default: return true;
  }
}

const ProgramStep* World::current_step(std::size_t task) const {
  if (control(task).state == TaskState::done) return nullptr;
  return &tasks_[task].program->steps[control(task).at];
}

const HeldBlock& World::held(std::size_t task, std::size_t name) const {
  return slots_[tasks_[task].slots + name];
}

std::span<const HeldBlock> World::mailbox(std::size_t index) const {
  return {mail_ + mailbox_starts_[index], static_cast<std::size_t>(mail_counts_[index])};
}

bool World::is_blocked_by_object(std::size_t task) const {
  return control(task).state == TaskState::ready && !is_able(task);
}

bool World::has_unfinished() const {
  for (std::size_t task = 0; task < tasks().size(); ++task) {
    const bool is_to_end = !tasks_[task].is_endless && !tasks_[task].program->is_isr;
    if (is_to_end && control(task).state != TaskState::done) return true;
  }
  return false;
}

std::uint64_t World::blocking_objects() const {
  std::uint64_t blocking = 0;
  for (std::size_t task = 0; task < tasks().size(); ++task) {
    if (tasks_[task].program->is_isr || !is_blocked_by_object(task)) continue;
    const ProgramStep& step = *current_step(task);
    std::size_t bit = step.object;
    if (step.kind != OpKind::wait) {
      bit = program_.semaphores.size() + 2 * bit + (step.kind == OpKind::send ? 1 : 0);
    }
    blocking |= std::uint64_t{1} << (bit % 64);
  }
  return blocking;
}

std::size_t World::choices(std::size_t task) const {
  return control(task).state == TaskState::waiting ? 1 : current_step(task)->choices();
}

std::string World::text_of(Move move) const {
  const ProgramStep& step = *current_step(move.task);
  if (control(move.task).state == TaskState::waiting) return step.text + ", given up";
  if (is_to_move(move.task)) return step.text + ", the move";
  if (step.choices() == 1) return step.text;
  if (step.sizes.empty()) return step.text + ' ' + std::to_string(move.choice + 1);
  return step.text + ": " + std::to_string(step.sizes[move.choice]);
}

Layout World::request_of(std::size_t task) const {
  const ProgramStep& step = *current_step(task);
  Layout layout = layout_of(step, step.size_of(control(task).choice));
  if (step.kind == OpKind::resize) layout.align = layout_of(held(task, step.name)).align;
  return layout;
}

bool World::has_lasting_request() const {
  return std::ranges::any_of(queue(),
                             [&](std::uint8_t task) { return !current_step(task)->can_time_out; });
}

void World::run_boot() {
  const std::size_t boot = tasks_.size() - 1;
  for (std::size_t task = 0; task < tasks_.size(); ++task) {
    control(task) = {.at = static_cast<std::uint32_t>(-1), .state = TaskState::ready};
    go_on(task);
  }
  boot_steps_.clear();
  while (control(boot).state != TaskState::done) {
    const ProgramStep& step = *current_step(boot);
    const HeldBlock before = held(boot, step.name);
    if (!is_able(boot) || this->step({static_cast<std::uint8_t>(boot)}).waits) {
      fail_step(step, "the steps before the tasks would wait here forever");
    }
    if (step.kind == OpKind::alloc) boot_steps_.push_back({&step, held(boot, step.name)});
    if (step.kind == OpKind::extend) boot_steps_.push_back({&step, {}});
    if (step.kind == OpKind::free && before.offset != 0) boot_steps_.push_back({&step, before});
    if (step.kind == OpKind::resize && before.offset != 0) {
      boot_steps_.push_back({&step, held(boot, step.name), before.offset});
    }
  }
  head_->current = static_cast<std::uint32_t>(tasks().size());
}

void World::check_requests(const TaskProgram& task) const {
  for (const ProgramStep& step : task.steps) {
    if (!requests(step) || heap_->check_layout(layout_of(step, step.size_bytes))) continue;
    if (slot_bytes_ != 0) {
      fail_step(step, "no block of raw heap " + in_quotes(program_.raw_text()) +
                          " could meet this request");
    }
    fail_step(step, "even an empty heap of " + std::to_string(region_bytes_) +
                        " bytes could not meet this request");
  }
}

void World::check_extensions(const TaskProgram& task) const {
  if (ScriptRawHeaps::can_extend[options_.raw_row]) return;
  for (const ProgramStep& step : task.steps) {
    if (step.kind != OpKind::extend) continue;
    fail_step(step, "raw heap " + in_quotes(ScriptRawHeaps::names[options_.raw_row]) +
                        " cannot be extended");
  }
}

/// Whether all requests of the script take blocks of the same size, whatever their place.
bool World::has_one_size() const {
  std::optional<std::size_t> size;
  const auto is_of_it = [&](const ProgramStep& step) {
    if (!requests(step)) return true;
    if (!size) size = block_bytes(step.size_bytes);
    if (!std::ranges::all_of(step.sizes, [&](auto each) { return block_bytes(each) == *size; })) {
      return false;
    }
    return *size == block_bytes(step.size_bytes) && step.align_bytes <= word_bytes;
  };
  return std::ranges::all_of(program_.boot.steps, is_of_it) &&
         std::ranges::all_of(program_.tasks, [&](const TaskProgram& task) {
           return std::ranges::all_of(task.steps, is_of_it);
         });
}

std::size_t World::missing_at_end(std::size_t size_bytes, std::size_t align_bytes) const {
  if (slot_bytes_ != 0) return slot_bytes_ - (region_bytes_ - base_offset_) % slot_bytes_;
  const auto layout = BlockLayout::with_header({.size = size_bytes, .align = align_bytes});
  const std::size_t capacity = heap_->capacity_bytes();
  std::size_t end = capacity;
  heap_->raw().for_each_hole([&](std::size_t at, std::size_t size) {
    if (at + size == capacity) end = at;
  });
  const std::size_t padding = layout->padding_at(address_of(heap_->raw().base()) + end);
  return padding + layout->size - std::min(padding + layout->size, capacity - end);
}

std::size_t World::least_growth() const {
  std::size_t least = head_->try_growth;
  // With overtaking these are at least those that were tried.
  const bool overtakes = options_.queue.kind == OracleQueue::Kind::overtaking;
  const std::size_t tried = overtakes ? OvertakingQueue::reach + 1 : 1;
  for (std::size_t place = 0; place < std::min<std::size_t>(tried, head_->queued); ++place) {
    const Layout request = request_of(queue_[place]);
    least = std::min(least, missing_at_end(request.size, request.align));
  }
  for (std::size_t task = 0; has_resizes_ && task < tasks().size(); ++task) {
    least = std::min(least, missing_to_grow(task));
  }
  return least;
}

/// By how many bytes the heap would have to grow for the next step of a task to resize a block in
/// place. A block grows into the last hole only if no other has room for all of it; then it does so
/// on any larger heap.
std::size_t World::missing_to_grow(std::size_t task) const {
  const ProgramStep* const step = current_step(task);
  const bool resizes = step != nullptr && step->kind == OpKind::resize && slot_bytes_ == 0 &&
                       control(task).state == TaskState::ready && !is_to_move(task);
  if (!resizes || held(task, step->name).offset == 0) return no_growth;
  const HeldBlock& block = held(task, step->name);
  const std::size_t size = block_bytes(block.size_bytes);
  const std::size_t end = block.offset - word_bytes + size;
  const std::size_t free = free_at_end();
  if (end + free != heap_->capacity_bytes()) return no_growth;
  const std::size_t missing =
      block_bytes(step->size_bytes) - std::min(block_bytes(step->size_bytes), size + free);
  return missing == 0 ? no_growth : missing;
}

bool World::knows_growth() const {
  const auto is_within = [](const TaskProgram& task) {
    return std::ranges::all_of(task.steps, [](const ProgramStep& step) {
      return step.kind != OpKind::alloc || step.align_bytes <= 2 * word_bytes;
    });
  };
  const std::string_view raw = ScriptRawHeaps::names[options_.raw_row];
  if (raw == FirstFit::name || slot_bytes_ != 0) return true;
  return raw == Bounded::name && is_within(program_.boot) &&
         std::ranges::all_of(program_.tasks, is_within);
}

std::string World::name_of(const HeldBlock& block) const {
  const TaskInstance& task = tasks_[block.task];
  const std::string& name = task.program->names[block.name];
  return block.task == tasks().size() ? name : task.name + '.' + name;
}

void World::observe(Observed& seen) const {
  const Stats stats = heap().counters();
  const std::size_t used = stats.capacity_bytes - heap().raw().free_bytes();
  seen.peak_bytes = std::max(seen.peak_bytes, used);
  seen.least_growth = std::min(seen.least_growth, least_growth());
  seen.waits = seen.waits || !queue().empty();
  // Of the region as it was at first: what was added is there on any size.
  const auto at_first = [grown = grown_bytes()](std::size_t bytes) {
    return bytes - std::min(bytes, grown);
  };
  seen.high_water =
      std::max(seen.high_water, base_offset_ + at_first(stats.capacity_bytes - free_at_end()));
  for (std::size_t task = 0; task < tasks().size(); ++task) {
    const ProgramStep* const step = current_step(task);
    if (step == nullptr || !requests(*step)) continue;
    // Any hole of `needed` bytes will do, and n blocks leave at most n + 1 holes.
    const std::size_t needed =
        block_bytes(step->size_bytes) + std::max(step->align_bytes, word_bytes) - word_bytes;
    seen.any_placement = std::max(
        seen.any_placement, at_first(used + (stats.live + 1) * (needed - word_bytes) + word_bytes));
  }
}

std::size_t World::free_at_end() const {
  std::size_t free = 0;
  const std::size_t capacity = heap().capacity_bytes();
  heap().raw().for_each_hole([&](std::size_t at, std::size_t size) {
    if (at + size == capacity) free = size;
  });
  return free;
}

}  // namespace mneme::driver
