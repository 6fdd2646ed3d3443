// purpose: carrying out the tasks' steps on the real library.
// layer: explore; includes world, diagnostic.
// threads: one owner.
// invariants: the queue kept here is a prefix short of the library's at most during a step.
#include "world.hpp"

#include <algorithm>
#include <bit>
#include <mneme/node.hpp>

#include "driver/language/diagnostic.hpp"

namespace mneme::driver {

namespace {

Layout layout_of(const ProgramStep& step) {
  return {.size = step.size_bytes, .align = step.align_bytes};
}

[[noreturn]] void fail_step(const Program& program, const ProgramStep& step, std::string message) {
  throw ScriptError{Diagnostic{.file = program.file,
                               .line = step.line,
                               .column = 1,
                               .message = std::move(message),
                               .source_line = step.text}};
}

}  // namespace

World::World(const Program& program, const WorldOptions& options)
    : program_{program}, options_{options} {
  const std::string_view raw = RawHeaps::names[options_.raw_row];
  can_copy_ = raw == FirstFit::name || raw == Bounded::name;
  if (options_.heap_bytes > std::numeric_limits<std::uint32_t>::max()) {
    throw InputError("heaps of more than 4 GiB are not explored");
  }
  counts_blocks_ = !options_.is_exact && has_one_size();
  lay_out();
  make_heap();
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

World::~World() {
  if (can_copy_) {
    load(pristine_.data());
  } else {
    take_apart();
  }
  heap_->~DriverHeap();
}

bool World::can_step(std::size_t task) const {
  if (!is_able(task)) return false;
  if (options_.switches == Switches::anywhere || tasks_[task].program->is_isr) return true;
  const std::size_t current = head_->current;
  return current == task || current >= tasks().size() || !is_able(current);
}

bool World::is_able(std::size_t task) const {
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

StepResult World::step(std::size_t task) {
  StepResult result;
  const ProgramStep& step = *current_step(task);
  HeldBlock* const slot = slots_ + tasks_[task].slots + step.name;
  switch (step.kind) {
    case OpKind::alloc: allocate(task, step, result); break;
    case OpKind::free:
      if (slot->offset != 0) free_block(*slot);
      break;
    case OpKind::signal: ++semaphores_[step.object]; break;
    case OpKind::wait: --semaphores_[step.object]; break;
    case OpKind::send:
      mail_[mailbox_starts_[step.object] + mail_counts_[step.object]++] = *slot;
      *slot = {};
      break;
    case OpKind::receive: {
      HeldBlock* const first = mail_ + mailbox_starts_[step.object];
      HeldBlock* const last = first + mail_counts_[step.object]--;
      *slot = *first;
      std::copy(first + 1, last, first);
      last[-1] = {};
      break;
    }
    default: break;  // yield
  }
  const bool yields = step.kind == OpKind::yield;
  if (!result.waits) go_on(task);
  result.grants = take_grants();
  if (options_.switches == Switches::waits && !tasks_[task].program->is_isr) {
    head_->current = static_cast<std::uint32_t>(yields || !is_able(task) ? tasks().size() : task);
  }
  return result;
}

void World::allocate(std::size_t task, const ProgramStep& step, StepResult& result) {
  const Layout layout = layout_of(step);
  void* payload = nullptr;
  if (step.try_now) {
    payload = heap_->try_allocate(layout);
    if (payload == nullptr) {
      result.refused = true;
      if (head_->queued == 0) {
        head_->try_growth = std::min(head_->try_growth, missing_at_end(layout.size, layout.align));
      }
      return;
    }
  } else {
    HeapRequest* const request = requests_[task] = node::begin_object<HeapRequest>(
        request_places_ + task * sizeof(HeapRequest), *heap_, layout);
    auto answer = request->poll();
    if (!answer) {
      result.waits = true;
      control(task).state = TaskState::waiting;
      queue_[head_->queued++] = static_cast<std::uint8_t>(task);
      return;
    }
    if (!*answer) fail_step(program_, step, "the heap refuses a request that it could meet");
    payload = (*answer)->leak();
    request->~HeapRequest();
  }
  hold(task, step, payload);
  result.offset = slots_[tasks_[task].slots + step.name].offset;
}

void World::hold(std::size_t task, const ProgramStep& step, const void* payload) {
  slots_[tasks_[task].slots + step.name] = {
      .offset =
          static_cast<std::uint32_t>(static_cast<const std::byte*>(payload) - heap_->raw().base()),
      .size_bytes = static_cast<std::uint32_t>(step.size_bytes),
      .name = static_cast<std::uint16_t>(step.name),
      .task = static_cast<std::uint8_t>(task),
      .align_exponent = static_cast<std::uint8_t>(std::countr_zero(step.align_bytes))};
}

void World::free_block(HeldBlock& block) {
  (heap_->free)(heap_->raw().base() + block.offset,
                {.size = block.size_bytes, .align = std::size_t{1} << block.align_exponent});
  block = {};
}

/// Requests are granted in their order: those that were are the first of the queue.
std::uint32_t World::take_grants() {
  std::uint32_t grants = 0;
  while (grants < head_->queued) {
    const std::size_t task = queue_[grants];
    HeapRequest* const request = requests_[task];
    if (request->state() != RequestState::granted) break;
    auto answer = request->poll();
    hold(task, *current_step(task), (*answer)->leak());
    request->~HeapRequest();
    control(task).state = TaskState::ready;
    go_on(task);
    ++grants;
  }
  if (grants == 0) return 0;
  std::copy(queue_ + grants, queue_ + head_->queued, queue_);
  head_->queued -= grants;
  std::fill_n(queue_ + head_->queued, grants, std::uint8_t{0});
  return grants;
}

/// To the next step of its program, around its loops.
void World::go_on(std::size_t task) {
  Control& at = control(task);
  const std::vector<ProgramStep>& steps = tasks_[task].program->steps;
  for (++at.at;; ++at.at) {
    if (at.at == steps.size()) {
      at.state = TaskState::done;
      return;
    }
    const ProgramStep& step = steps[at.at];
    std::uint64_t& rounds = loops_[tasks_[task].loops + step.loop];
    if (step.kind == OpKind::repeat) {
      rounds = step.count;
    } else if (step.kind == OpKind::end) {
      if (rounds != forever && --rounds == 0) continue;
      at.at = static_cast<std::uint32_t>(step.jump) - 1;
    } else {
      return;
    }
  }
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
    if (!is_able(boot) || this->step(boot).waits) {
      fail_step(program_, step, "what goes before the tasks would wait here for ever");
    }
    if (step.kind == OpKind::alloc) boot_steps_.push_back({&step, held(boot, step.name)});
    if (step.kind == OpKind::free && before.offset != 0) boot_steps_.push_back({&step, before});
  }
  head_->current = static_cast<std::uint32_t>(tasks().size());
}

void World::check_requests(const TaskProgram& task) const {
  for (const ProgramStep& step : task.steps) {
    if (step.kind != OpKind::alloc || heap_->check_layout(layout_of(step))) continue;
    fail_step(program_, step,
              "a request that a heap of " + std::to_string(options_.heap_bytes) +
                  " bytes could not meet even if it was empty");
  }
}

/// Of which no alignment takes any more.
bool World::has_one_size() const {
  std::optional<std::size_t> size;
  const auto is_of_it = [&](const ProgramStep& step) {
    if (step.kind != OpKind::alloc) return true;
    if (!size) size = block_bytes(step.size_bytes);
    return *size == block_bytes(step.size_bytes) && step.align_bytes <= word_bytes;
  };
  return std::ranges::all_of(program_.boot.steps, is_of_it) &&
         std::ranges::all_of(program_.tasks, [&](const TaskProgram& task) {
           return std::ranges::all_of(task.steps, is_of_it);
         });
}

std::size_t World::missing_at_end(std::size_t size_bytes, std::size_t align_bytes) const {
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
  if (head_->queued > 0) {
    const ProgramStep& step = *current_step(queue_[0]);
    least = std::min(least, missing_at_end(step.size_bytes, step.align_bytes));
  }
  return least;
}

bool World::knows_growth() const {
  const auto is_within = [](const TaskProgram& task) {
    return std::ranges::all_of(task.steps, [](const ProgramStep& step) {
      return step.kind != OpKind::alloc || step.align_bytes <= 2 * word_bytes;
    });
  };
  const std::string_view raw = RawHeaps::names[options_.raw_row];
  if (raw == FirstFit::name) return true;
  return raw == Bounded::name && is_within(program_.boot) &&
         std::ranges::all_of(program_.tasks, is_within);
}

std::string World::name_of(const HeldBlock& block) const {
  const TaskInstance& task = tasks_[block.task];
  const std::string& name = task.program->names[block.name];
  return block.task == tasks().size() ? name : task.name + '.' + name;
}

}  // namespace mneme::driver
