// purpose: constructs the world, carries out the steps before the tasks, and answers queries.
// layer: explore; includes world, diagnostic.
// threads: one owner.
// invariants: see world.hpp.
#include "world.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <mneme/node.hpp>
#include <span>
#include <string_view>
#include <vector>

#include "driver/language/diagnostic.hpp"
#include "driver/language/parse_expect.hpp"

namespace mneme::driver {

namespace {

[[noreturn]] void fail_size() { throw InputError("heaps of more than 4 GiB are not explored"); }

/// For a larger heap, replaying the steps to a state is cheaper than copying it.
constexpr std::uint64_t copied_bytes_max = std::uint64_t{64} << 10U;

/// Whether all that a raw heap remembers is in itself and in its region.
bool is_copyable(std::string_view raw) {
  return raw == FirstFit::name || raw == Bounded::name || raw == PoolRow::name ||
         raw == ChainRow::name || raw == AnyPlacement::name;
}

}  // namespace

WorldOptions options_of(const Program& program) {
  WorldOptions options;
  for (const HeapSpec& heap : program.heaps) {
    const auto row = ScriptRawHeaps::find(heap.raw);
    const auto fail = [&](const std::string& message) {
      throw InputError(program.file + ": " + message);
    };
    if (!row) fail(unknown_raw_heap(heap.raw, raw_heap_forms<ScriptRawHeaps>()));
    if (const auto wrong = wrong_form(*row, heap.raw_bytes.has_value())) fail(*wrong);
    const auto queue = find_queue(heap.queue, heap.queue_number);
    if (const auto* const error = std::get_if<QueueError>(&queue)) fail(error->message);
    options.heaps.push_back(
        {.bytes = heap.bytes,
         .raw_row = *row,
         .raw_arguments = {.number = heap.raw_bytes.value_or(0), .align = heap.align_bytes},
         .queue = std::get<OracleQueue>(queue)});
  }
  return options;
}

std::size_t heap_number(const Program& program, const std::string& name) {
  const auto at = std::ranges::find(program.heaps, name, &HeapSpec::name);
  if (at != program.heaps.end()) return static_cast<std::size_t>(at - program.heaps.begin());
  std::vector<std::string_view> names;
  for (const HeapSpec& heap : std::span(program.heaps).subspan(1)) names.push_back(heap.name);
  throw InputError(program.file + ": --heap-name: no heap " + in_quotes(name) +
                   (names.empty() ? " in the script" : expected_one_of(name, names)));
}

World::World(const Program& program, const WorldOptions& options)
    : World{program, options, EmptyHeap{}} {  // which the destructor ends, if a check here throws
  bool has_sizes = has_resizes_;
  for (std::size_t heap = 0; heap < heaps_.size(); ++heap) {
    HeapPart& part = heaps_[heap];
    const OracleMemory memory = memory_of(part.heap->raw());
    part.base_offset = memory.parts.front().offset;
    part.slot_bytes = memory.slot_bytes;
    part.first_capacity = part.heap->capacity_bytes();
    part.keeps_order = part.heap->raw().visit([]<class Raw>(const Raw&) {
      return std::is_same_v<Raw, Bounded> || std::is_same_v<Raw, ChainRow>;
    });
    const bool is_open = options_.heaps[heap].raw_row == any_placement_row;
    part.counts_blocks = !options_.is_exact && !has_clones_ &&
                         (part.slot_bytes != 0 || is_open || has_one_size(heap));
    has_sizes = has_sizes || is_open;
  }
  if (std::ranges::any_of(heaps_, &HeapPart::counts_blocks)) {
    using enum BlockIdentity;
    block_identity_ = has_sizes ? sized : heaps_.size() == 1 ? presence : mixed;
  }
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
  std::uint64_t sum = 0;
  can_copy_ = true;
  for (std::size_t heap = 0; heap < program_.heaps.size(); ++heap) {
    check_raw_heap(heap);
    const HeapOptions& own = options_.heaps[heap];
    HeapPart& part = heaps_.emplace_back();
    part.policy = own.queue.kind;
    part.region_bytes = SearchRawHeaps::region_bytes(own.raw_row, own.bytes, own.raw_arguments);
    sum += part.region_bytes + program_.heaps[heap].extension_bytes;
    can_copy_ = can_copy_ && is_copyable(SearchRawHeaps::names[own.raw_row]);
    has_overtaking_ = has_overtaking_ || part.policy == OracleQueue::Kind::overtaking;
  }
  if (sum > std::numeric_limits<std::uint32_t>::max()) fail_size();
  can_copy_ = can_copy_ && sum <= copied_bytes_max;
  has_clones_ = program_.has(OpKind::clone);
  has_resizes_ = program_.has(OpKind::resize);
  has_locks_ = program_.has(OpKind::lock);
  has_atomic_ = std::ranges::any_of(program_.tasks, [](const TaskProgram& task) {
    return std::ranges::any_of(task.steps, &ProgramStep::is_glued);
  });
  check_extensions(program_.boot);
  for (const TaskProgram& task : program_.tasks) check_extensions(task);
  lay_out();
  make_heaps();
  place_requests();
}

void World::check_raw_heap(std::size_t heap) const {
  const std::uint64_t bytes_max = std::numeric_limits<std::uint32_t>::max();
  const HeapOptions& own = options_.heaps[heap];
  const RawArguments& arguments = own.raw_arguments;
  const std::uint64_t extension_bytes = program_.heaps[heap].extension_bytes;
  if (const auto wrong = SearchRawHeaps::wrong(own.raw_row, own.bytes, arguments)) {
    throw ScriptError{Diagnostic{.file = program_.file,
                                 .line = program_.heaps[heap].line,
                                 .column = 1,
                                 .message = *wrong,
                                 .source_line = {}}};
  }
  if (own.bytes > bytes_max || arguments.number > bytes_max || extension_bytes > bytes_max ||
      own.bytes + arguments.number + extension_bytes > bytes_max) {
    fail_size();
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
  for (const HeapPart& part : heaps_) part.heap->~DriverHeap();
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
  if (step.kind == OpKind::lock) return {.size = 0, .align = 1};
  Layout layout = layout_of(step, step.size_of(control(task).choice));
  if (step.kind == OpKind::resize) layout.align = layout_of(held(task, step.name)).align;
  return layout;
}

bool World::has_lasting_request() const {
  for (std::size_t heap = 0; heap < heaps_.size(); ++heap) {
    for (const std::uint8_t task : queue(heap)) {
      if (!current_step(task)->can_time_out) return true;
    }
  }
  return false;
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
    if (!requests(step)) continue;
    const HeapPart& part = heaps_[step.heap];
    const HeapSpec& spec = program_.heaps[step.heap];
    if (part.heap->check_layout(layout_of(step, step.size_bytes))) continue;
    if (part.slot_bytes != 0) {
      fail_step(step,
                "no block of raw heap " + in_quotes(spec.raw_text()) + " could meet this request");
    }
    fail_step(step, "even an empty heap of " + std::to_string(part.region_bytes) +
                        " bytes could not meet this request");
  }
}

void World::check_extensions(const TaskProgram& task) const {
  for (const ProgramStep& step : task.steps) {
    const std::size_t row = options_.heaps[step.heap].raw_row;
    if (step.kind != OpKind::extend || SearchRawHeaps::can_extend[row]) continue;
    fail_step(step, "raw heap " + in_quotes(SearchRawHeaps::names[row]) + " cannot be extended");
  }
}

std::string World::name_of(const HeldBlock& block) const {
  const TaskInstance& task = tasks_[block.task];
  const std::string& name = task.program->names[block.name];
  return block.task == tasks().size() ? name : task.name + '.' + name;
}

}  // namespace mneme::driver
