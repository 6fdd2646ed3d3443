// purpose: the run of things: dispatching steps, holding them, letting tasks run, start and end.
// layer: execute; includes executor, canonical, diagnostic.
// threads: one owner.
// invariants: see executor.hpp.
#include "executor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "driver/language/diagnostic.hpp"
#include "driver/language/format_op.hpp"

namespace mneme::driver {

namespace {

// Every step is followed by a walk through the whole heap at first, later by one in so many.
constexpr std::uint64_t validate_each_until = 1024;
constexpr std::uint64_t validate_every = 4096;

static_assert(default_raw_heap == RawHeaps::names.front());

bool ends_a_name(OpKind kind) { return kind == OpKind::free || kind == OpKind::drop; }

}  // namespace

Executor::Executor(Output& output, ExecutorOptions options)
    : output_{output}, options_{std::move(options)}, machine_memory_{options_.machine} {}

Executor::~Executor() {
  if (!heap_) return;
  guard_.unlock();
  names_.for_each([&](Task& task) {
    if (task.phase == Phase::leaked) task.owner->adopt();
    task.moving.reset();
    task.owner.reset();
  });
}

void Executor::step(const Op& op) {
  ++tally_.steps;
  polled_ = false;
  begin_line(op);
  dispatch(op);
  poll_deferred();
  end_line();
  if (polled_) run_ready();
  while (poll_mode_ == PollMode::automatic && !ready_.empty()) run_ready();
  compare_figures();
  if (tally_.steps <= validate_each_until || tally_.steps % validate_every == 0) {
    if (const char* const wrong = validate()) throw Corruption(wrong);
  }
}

// To walk through the lists settles a heap that nobody holds, as a poll does: which changes nothing
// unless blocks are deferred, since the figures have agreed.
const char* Executor::validate() {
  const bool may_settle = oracle_->locked() || oracle_->deferred() == 0;
  const char* const wrong = heap_->raw().validate();
  return wrong == nullptr && may_settle ? heap_->validate() : wrong;
}

void Executor::dispatch(const Op& op) {
  switch (op.kind) {
    case OpKind::heap: return do_heap(op);
    case OpKind::alloc:
    case OpKind::array:
    case OpKind::vec:
    case OpKind::arc: return do_request(op);
    case OpKind::free:
    case OpKind::drop: return run_or_hold(op, &Executor::do_free);
    case OpKind::cancel: return do_cancel(op);
    case OpKind::poll: return do_poll();
    case OpKind::lock: return do_lock(op);
    case OpKind::unlock: return do_unlock(op);
    case OpKind::resize: return run_or_hold(op, &Executor::do_resize);
    case OpKind::leak: return run_or_hold(op, &Executor::do_leak);
    case OpKind::unleak: return run_or_hold(op, &Executor::do_unleak);
    case OpKind::close: return do_close();
    case OpKind::expect_state: return do_expect_state(op);
    case OpKind::expect_keys: return do_expect_keys(op);
    case OpKind::expect_at: return do_expect_at(op);
    case OpKind::expect_queue: return do_expect_queue(op);
    case OpKind::stat: return do_stat();
    case OpKind::map: return do_map();
    case OpKind::push: return run_or_hold(op, &Executor::do_push);
    case OpKind::clone: return run_or_hold(op, &Executor::do_clone);
  }
}

// A step on a name: carried out now, held behind a request, or skipped as there never was memory.
void Executor::run_or_hold(const Op& op, void (Executor::*act)(const Op&, Task&)) {
  Task* const task = names_.find(op.name);
  if (task == nullptr)
    fail_at(op, op.name_column, fmt::format("unknown name {}", in_quotes(op.name)));
  if (task->phase == Phase::waiting || (!task->held.empty() && running_ != task)) {
    return hold(*task, op);
  }
  if (task->phase == Phase::freed) {
    fail_at(op, op.name_column, fmt::format("{} was freed already", in_quotes(op.name)));
  }
  if (task->finished()) {
    append("skipped: {} was {}", op.name, word_of(state_of(task->phase)));
    if (ends_a_name(op.kind)) names_.retire(*task);
    if (op.kind == OpKind::clone) {
      Task* const known = names_.find(op.new_name);
      end(begin_name(op, op.new_name, op.new_name_column, known), task->phase);
    }
    return;
  }
  check_kind(op, *task);
  if (task->phase == Phase::granted) {  // this step stands for its task, and polls
    make_unready(*task);
    take(*task);
    move_events_first();
  }
  if (task->phase == Phase::leaked && op.kind != OpKind::leak && op.kind != OpKind::unleak) {
    fail_at(op, op.name_column, fmt::format("{} is leaked: 'unleak' it first", in_quotes(op.name)));
  }
  (this->*act)(op, *task);
}

void Executor::hold(Task& task, const Op& op) {
  ++tally_.held;
  if (op.kind == OpKind::clone) {  // steps on the clone are to be held as well
    Task* const known = names_.find(op.new_name);
    Task& promised = begin_name(op, op.new_name, op.new_name_column, known);
    promised.phase = Phase::waiting;
    promised.promised_by = &task;
  }
  task.held.push(op);
  append("held until {} {}", task.name, task.phase == Phase::waiting ? "is granted" : "runs");
}

void Executor::make_ready(Task& task) {
  if (!task.in_ready) task.in_ready = ready_.insert(ready_.end(), &task);
}

void Executor::make_unready(Task& task) {
  if (task.in_ready) ready_.erase(*std::exchange(task.in_ready, std::nullopt));
}

// The tasks that are ready by now run, each once; those that become ready meanwhile run next time.
void Executor::run_ready() {
  for (std::size_t count = ready_.size(); count > 0; --count) {
    Task& task = *ready_.front();
    make_unready(task);
    run(task);
  }
}

void Executor::run(Task& task) {
  clear_line();
  if (task.phase == Phase::granted) take(task);
  if (events_.size() > 0) {
    append("{} runs", task.name);
    end_line();
  }
  run_held(task);
}

void Executor::run_held(Task& task) {
  running_ = &task;
  while (!task.held.empty() && task.phase != Phase::waiting && task.phase != Phase::granted) {
    const HeldStep held = task.held.pop();
    const Op op = held.view();
    begin_line(op, " (held)");
    dispatch(op);
    poll_deferred();
    end_line();
  }
  running_ = nullptr;
}

void Executor::do_heap(const Op& op) {
  const std::uint64_t size_bytes = options_.heap_bytes.value_or(op.size_bytes);
  const auto fail = [&](const std::string& message) {
    if (options_.heap_bytes) throw InputError(fmt::format("--heap={}: {}", size_bytes, message));
    fail_at(op, op.number_column, message);
  };
  const std::optional<std::size_t> row = RawHeaps::find(op.raw);
  if (!row) fail_at(op, op.raw_column, unknown_raw_heap(op.raw));
  if (const std::size_t min_bytes = RawHeaps::min_region_bytes[*row]; size_bytes < min_bytes) {
    fail(fmt::format("heap too small: {} bytes (minimum {})", size_bytes, min_bytes));
  }
  if (const std::size_t max_bytes = RawHeaps::max_region_bytes[*row]; size_bytes > max_bytes) {
    fail(fmt::format("heap too large for {}: {} bytes (maximum {})", RawHeaps::names[*row],
                     size_bytes, max_bytes));
  }
  try {
    region_.emplace(size_bytes);
  } catch (const InputError& error) {
    fail(error.what());
  }
  AnyRaw::select(*row);
  heap_.emplace(region_->bytes());
  oracle_.emplace(heap_->capacity_bytes(), exact_align_max(heap_->raw()));
  poll_mode_ = op.poll_mode;
  tally_.capacity_bytes = heap_->capacity_bytes();
  append("{} bytes, blocks aligned to {}", heap_->capacity_bytes(), op.align_bytes);
}

void Executor::do_poll() {
  poll_now();
  polled_ = true;
}

// Tells who was granted by it, and who runs next.
void Executor::poll_now() {
  heap_->poll();
  collect();
  check_oracle(oracle_->poll(grants_));
  if (options_.quiet) return;
  move_events_first();
  std::vector<std::string_view> names;
  for (const Task* const task : ready_) names.push_back(task->name);
  if (names.empty()) {
    append("nothing to run");
  } else {
    append("ran {}", fmt::join(names, ", "));
  }
}

// With poll=auto the deferring form defers no longer than to the end of its step.
void Executor::poll_deferred() {
  if (poll_mode_ == PollMode::manual || oracle_->locked() || oracle_->deferred() == 0) return;
  heap_->poll();
  collect();
  check_oracle(oracle_->poll(grants_));
}

void Executor::do_lock(const Op& op) {
  if (guard_) return append("busy: locked since line {}", lock_line_);
  guard_ = heap_->try_lock();
  if (!guard_) throw Corruption("the heap cannot be locked although nobody holds it");
  oracle_->lock();
  lock_line_ = op.line;
  append("locked");
}

void Executor::do_unlock(const Op& op) {
  if (!guard_) fail_at(op, op.column, "unlock without a lock");
  guard_.unlock();
  collect();
  check_oracle(oracle_->unlock(grants_));
  append("unlocked");
}

void Executor::do_close() {
  heap_->close();
  collect();
  check_oracle(oracle_->close(ended_));
  append("closed");
}

void Executor::finish() {
  if (!heap_) return;
  for (;;) {  // a task that runs may defer blocks, so that the next poll grants again
    clear_line();
    append("end -> ");
    poll_now();
    if (ready_.empty()) break;
    end_line();
    run_ready();
  }
  compare_figures();
  if (oracle_->waiting() > 0) explain_deadlock();
  remember_live();
  // All is taken back, and must make up the region again.
  names_.for_each([&](Task& task) {
    if (task.phase == Phase::waiting || task.phase == Phase::granted) take_back(task);
  });
  names_.for_each([&](Task& task) {
    if (task.has_memory()) take_back(task);
  });
  guard_.unlock();
  heap_->poll();
  const Stats stats = heap_->stats();
  const std::size_t capacity = heap_->capacity_bytes();
  if (stats.used_bytes != 0 || stats.live != 0 || stats.waiting != 0 ||
      stats.largest_free_bytes != capacity) {
    throw Corruption("everything was freed, and the region is not one hole again (P9)");
  }
  if (const char* const wrong = heap_->validate()) throw Corruption(wrong);
}

void Executor::take_back(Task& task) {
  if (task.phase == Phase::leaked) task.owner->adopt();
  if (task.has_memory() || task.moving) check_bytes(task);
  task.moving.reset();
  task.owner.reset();
  task.held.clear();
  task.phase = Phase::freed;
}

// As a waker has to: it allocates nothing, as first_poll made room.
void Executor::on_answer(void* task) noexcept {
  auto* const answered = static_cast<Task*>(task);
  answered->executor->answered_.push_back(answered);
}

// Called after each call of the library: who was granted or ended by it, in the order it happened.
void Executor::collect() {
  grants_.clear();
  ended_.clear();
  std::vector<Task*> answered;
  if (!answered_.empty()) {
    answered.reserve(answered_.capacity());
    answered.swap(answered_);
  }
  for (Task* const task : answered) {
    const void* const reserved = task->asking().reserved();
    const void* const memory = reserved != nullptr ? reserved : task->asking().payload();
    if (memory != nullptr) {  // else it was closed
      grants_.push_back({task->asking_block(), block_offset_of(memory)});
      ++tally_.granted_later;
      if (reserved != nullptr) {  // else the step that asked has taken it already
        task->phase = Phase::granted;
        make_ready(*task);
      }
      append_event("{} granted at {}", task->name, offset_of(memory));
      continue;
    }
    ended_.push_back(task->asking_block());
    ++tally_.closed;
    append_event("{} closed", task->name);
    if (task->moving) {  // it keeps what it had
      append_event("{} stays where it is", task->name);
      task->moving.reset();
      task->phase = Phase::live;
      if (!task->held.empty()) make_ready(*task);
    } else {
      end(*task, Phase::closed);
    }
  }
}

void Executor::check_oracle(const Mismatch& mismatch) const {
  if (mismatch) throw Corruption(fmt::format("the oracle differs: {}", *mismatch));
}

void Executor::compare_figures() {
  const Stats counts = heap_->counters();
  check_oracle(oracle_->compare({.free_bytes = heap_->raw().free_bytes(),
                                 .used_bytes = counts.used_bytes,
                                 .live = counts.live,
                                 .waiting = counts.waiting,
                                 .deferred = counts.deferred}));
  tally_.live_at_end = counts.live;
  tally_.waiting_at_end = counts.waiting;
  tally_.peak_bytes = counts.peak_bytes;
}

void Executor::begin_line(const Op& op, std::string_view note) {
  if (options_.quiet) return;
  clear_line();
  CommandBuffer buffer;
  if (op.synthetic) return append("{}{} -> ", format_op(op, buffer), note);
  append("{}: {}{} -> ", op.line, format_op(op, buffer), note);
}

void Executor::clear_line() {
  result_.clear();
  events_.clear();
  below_.clear();
}

// What happened so far comes before the result of the step, not behind it.
void Executor::move_events_first() {
  if (events_.size() == 0) return;
  append("{}; ", std::string_view(events_.data(), events_.size()).substr(separator.size()));
  events_.clear();
}

void Executor::end_line() {
  if (result_.size() == 0) return;  // quiet, or told already
  output_.print("{}{}\n{}", std::string_view(result_.data(), result_.size()),
                std::string_view(events_.data(), events_.size()),
                std::string_view(below_.data(), below_.size()));
  clear_line();
}

}  // namespace mneme::driver
