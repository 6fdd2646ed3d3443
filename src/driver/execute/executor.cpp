// purpose: dispatches and holds steps, resumes tasks, and begins and ends a run.
// layer: execute; includes executor and diagnostic.
// threads: one owner.
// invariants: see executor.hpp.
#include "executor.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "driver/language/diagnostic.hpp"

namespace mneme::driver {

namespace {

bool ends_a_name(OpKind kind) { return kind == OpKind::free || kind == OpKind::drop; }

[[noreturn]] void fail_name(const Op& op, std::string_view what) {
  fail_at(op, op.name_column, in_quotes(op.name) + std::string(what));
}

}  // namespace

Executor::Executor(ExecutorOptions options)
    : options_{std::move(options)}, machine_memory_{options_.machine} {}

// NOLINTNEXTLINE(bugprone-exception-escape): no operation of an owner throws here
Executor::~Executor() {
  for (const auto& unit : heaps_) unit->guard.unlock();
  names_.for_each([&](Task& task) {
    if (task.phase == Phase::leaked) task.owner->adopt();
    task.moving.reset();
    task.owner.reset();
  });
}

// A step that does not apply to the kind of its name fails before it has any effect.
[[gnu::always_inline]] inline void Executor::check_kind(const Op& op, const Task& task) {
  if (op.defer && task.kind != OpKind::alloc) {
    fail_at(op, op.name_column, "only a plain block can be freed with 'defer'");
  }
  if (op.kind == OpKind::resize && task.kind != OpKind::alloc) {
    fail_name(op, " is not a plain block that can be resized");
  }
  if (op.kind == OpKind::push && task.kind != OpKind::vec) fail_name(op, " is not a vec");
  if (op.kind == OpKind::clone && task.kind != OpKind::arc) fail_name(op, " is not an arc");
}

// A step on a name is carried out now, held behind a request, or skipped if there never was memory.
template <auto act>
void Executor::run_or_hold(const Op& op) {
  Task& task = known_task(op);
  if (task.phase == Phase::waiting || (!task.held.empty() && scheduler_.running() != &task)) {
    return hold(task, op);
  }
  if (task.phase == Phase::freed) fail_name(op, " was already freed");
  if (task.finished()) {
    log_.add({.kind = EventKind::skipped, .state = state_of(task.phase), .name = task.name});
    if (ends_a_name(op.kind)) names_.retire(task);
    if (op.kind == OpKind::clone) {
      const NameKey name{op.new_name};
      end(begin_name(op, name, op.new_name_column, names_.find(name)), task.phase);
    }
    return;
  }
  check_kind(op, task);
  if (task.phase == Phase::granted) {  // this step polls in place of its task
    scheduler_.remove(task);
    take(task);
  }
  if (task.phase == Phase::leaked && op.kind != OpKind::leak && op.kind != OpKind::unleak) {
    fail_name(op, " is leaked: 'unleak' it first");
  }
  (this->*act)(op, task);
}

[[gnu::always_inline]] inline void Executor::dispatch(const Op& op) {
  if (op.kind != OpKind::heap && op.kind != OpKind::named_heap) {
    if (op.heap >= heaps_.size()) fail_at(op, op.heap_column, "the heap could not be made");
    select(op.heap);
  }
  switch (op.kind) {
    case OpKind::heap:
    case OpKind::named_heap: return do_heap(op);
    case OpKind::alloc:
    case OpKind::array:
    case OpKind::vec:
    case OpKind::arc: return do_request(op);
    case OpKind::free:
    case OpKind::drop: return run_or_hold<&Executor::do_free>(op);
    case OpKind::cancel: return do_cancel(op);
    case OpKind::poll: return do_poll();
    case OpKind::lock: return do_lock(op);
    case OpKind::unlock: return do_unlock(op);
    case OpKind::resize: return run_or_hold<&Executor::do_resize>(op);
    case OpKind::leak: return run_or_hold<&Executor::do_leak>(op);
    case OpKind::unleak: return run_or_hold<&Executor::do_unleak>(op);
    case OpKind::close: return do_close();
    case OpKind::extend: return do_extend(op);
    case OpKind::expect_state: return do_expect_state(op);
    case OpKind::expect_keys: return do_expect_keys(op);
    case OpKind::expect_at: return do_expect_at(op);
    case OpKind::expect_queue: return do_expect_queue(op);
    case OpKind::stat: return do_stat();
    case OpKind::map: return log_.add({.kind = EventKind::map_asked});
    case OpKind::push: return run_or_hold<&Executor::do_push>(op);
    case OpKind::clone: return run_or_hold<&Executor::do_clone>(op);
    default: fail_at(op, 0, "a script with tasks only runs by a schedule");
  }
}

// Carries out a step, as one line of the transcript.
[[gnu::always_inline]] inline void Executor::carry_out(const Op& op, EventKind head) {
  log_.begin(head, &op);
  dispatch(op);
  poll_deferred();
  log_.end_line();
}

std::span<const Event> Executor::step(const Op& op) {
  ++tally_.steps;
  polled_ = false;
  log_.clear();
  if (!resumed_.empty()) resumed_.clear();
  carry_out(op, EventKind::step);
  if (polled_) run_ready();
  while (poll_mode_ == PollMode::automatic && !scheduler_.empty()) run_ready();
  check_figures();
  at_->checker->check_lists(tally_.steps);
  return events();
}

std::span<const Event> Executor::finish_resize(const Op& op) {
  ++tally_.steps;
  log_.clear();
  log_.begin(EventKind::step, &op);
  Task& task = known_task(op);
  scheduler_.remove(task);
  take(task);
  log_.end_line();
  check_figures();
  at_->checker->check_lists(tally_.steps);
  return events();
}

void Executor::hold(Task& task, const Op& op) {
  ++tally_.held;
  if (op.kind == OpKind::clone) {  // steps on the clone are held as well
    const NameKey name{op.new_name};
    Task& promised = begin_name(op, name, op.new_name_column, names_.find(name));
    promised.phase = Phase::waiting;
    promised.promised_by = &task;
  }
  task.held.push(op);
  log_.add({.kind = task.phase == Phase::waiting ? EventKind::held_until_grant
                                                 : EventKind::held_until_run,
            .name = task.name});
}

// Runs each task that is ready now once; tasks that become ready meanwhile run next time.
void Executor::run_ready() {
  for (std::size_t count = scheduler_.size(); count > 0; --count) run(scheduler_.take_next());
}

void Executor::run(Task& task) {
  select(task.heap);
  log_.begin(EventKind::runs, nullptr, task.name);
  if (task.phase == Phase::granted) take(task);
  log_.end_line();
  run_held(task);
}

void Executor::run_held(Task& task) {
  scheduler_.set_running(&task);
  while (!task.held.empty() && task.phase != Phase::waiting && task.phase != Phase::granted) {
    resumed_.push_back(task.held.pop());
    carry_out(resumed_.back().op(), EventKind::held_step);
  }
  scheduler_.set_running(nullptr);
}

std::span<const Event> Executor::run_to_end() {
  if (heaps_.empty()) return {};
  log_.clear();
  resumed_.clear();
  for (;;) {  // a task that runs may defer frees, so the next poll may grant again
    log_.begin(EventKind::end, nullptr);
    poll_now();
    if (scheduler_.empty()) break;  // leaves the line of a poll without effect incomplete
    log_.end_line();
    run_ready();
  }
  check_figures();
  return events();
}

void Executor::take_everything_back() {
  if (heaps_.empty()) return;
  names_.for_each([&](Task& task) {
    if (task.phase == Phase::waiting || task.phase == Phase::granted) take_back(task);
  });
  names_.for_each([&](Task& task) {
    if (task.has_memory()) take_back(task);
  });
  for (const auto& unit : heaps_) {
    unit->guard.unlock();
    unit->heap->poll();
    unit->checker->check_one_hole();
  }
}

void Executor::take_back(Task& task) {
  if (task.phase == Phase::leaked) task.owner->adopt();
  if (task.has_memory() || task.moving) Checker::check_bytes(task);
  task.moving.reset();
  task.owner.reset();
  task.held.clear();
  task.phase = Phase::freed;
}

// A waker must not allocate: first_poll has reserved the capacity.
void Executor::on_answer(void* task) noexcept {
  auto* const answered = static_cast<Task*>(task);
  answered->executor->answered_.push_back(answered);
}

void Executor::collect_answered() {
  collected_.clear();
  collected_.reserve(answered_.capacity());  // first_poll relies on it
  collected_.swap(answered_);
  for (Task* const task : collected_) {
    if (task->kind == OpKind::lock) {
      grants_.push_back({.id = task->block});
      ++tally_.granted_later;
      log_.add({.kind = EventKind::lock_granted, .name = task->name});
      take_lock(*task);
      continue;
    }
    const void* const reserved = task->asking().reserved();
    const void* const memory = reserved != nullptr ? reserved : task->asking().payload();
    if (memory != nullptr) {  // else it was closed
      grants_.push_back({task->asking_block(), block_offset_of(memory)});
      ++tally_.granted_later;
      if (reserved != nullptr) {  // else the requesting step has taken it already
        task->phase = Phase::granted;
        scheduler_.add(*task);
      }
      log_.add({.kind = EventKind::granted, .offset = offset_of(memory), .name = task->name});
      continue;
    }
    ended_.push_back(task->asking_block());
    ++tally_.closed;
    log_.add({.kind = EventKind::closed, .name = task->name});
    if (task->moving) {  // it keeps its old block
      log_.add({.kind = EventKind::stays, .name = task->name});
      task->moving.reset();
      task->phase = Phase::live;
      if (!task->held.empty()) scheduler_.add(*task);
    } else {
      end(*task, Phase::closed);
    }
  }
}

[[gnu::flatten]] void Executor::check_figures() {
  const Stats counters = heaps_.front()->heap->counters();
  heaps_.front()->checker->check_figures(counters);
  tally_.live_at_end = counters.live;
  tally_.waiting_at_end = counters.waiting;
  tally_.peak_bytes = counters.peak_bytes;
  for (std::size_t heap = 1; heap < heaps_.size(); ++heap) {
    const Stats more = heaps_[heap]->heap->counters();
    heaps_[heap]->checker->check_figures(more);
    tally_.live_at_end += more.live;
    tally_.waiting_at_end += more.waiting;
    tally_.others[heap - 1].peak_bytes = more.peak_bytes;
  }
}

std::vector<const Task*> Executor::first_owners(std::size_t heap) const {
  std::vector<const Task*> owners(heaps_[heap]->by_block.size());
  names_.for_each([&](const Task& task) {
    if (task.heap != heap || (!task.has_memory() && !task.moving)) return;
    const Task*& owner = owners[task.block];
    if (owner == nullptr || task.generation < owner->generation) owner = &task;
  });
  return owners;
}

}  // namespace mneme::driver
