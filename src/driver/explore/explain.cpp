// purpose: the explanation: the schedule, what each task waits for, and what it holds.
// layer: explore; includes explain, flat_run.
// threads: one owner.
// invariants: see explain.hpp.
#include "explain.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "flat_run.hpp"

namespace mneme::driver {

namespace {

class Explainer {
 public:
  Explainer(World& world, const Verdict& verdict, const Path& before)
      : world_{world}, verdict_{verdict}, before_{before} {}

  [[nodiscard]] std::string explain() {
    text_ = testing::title_text(verdict_);
    put_steps();
    put_end();
    return std::move(text_);
  }

 private:
  template <class... Args>
  void put(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Args>(args)...);
  }

  void put_steps() {
    Executor executor;
    FlatRun run(world_, executor);
    for (std::size_t heap = 0; heap < world_.heap_count(); ++heap) (void)run.make_heap(heap);
    for (std::size_t step = 0; step < run.boot_steps(); ++step) (void)run.boot(step);
    for (const Move move : before_) (void)run.step(move);
    std::vector<testing::StepLine> lines;
    for (const Move move : verdict_.schedule) {
      const std::size_t task = move.task;
      if (!world_.can_step(task))
        throw Corruption{"the search and the run differ in which tasks can run"};
      const std::string step = world_.text_of(move);
      const auto events = run.step(move);
      lines.push_back({world_.tasks()[task].name, step, result_of(events)});
    }
    text_ += testing::steps_text(lines, verdict_.no_return);
    executor.run_to_end();
    executor.take_everything_back();
  }

  [[nodiscard]] static std::string result_of(std::span<const Event> events) {
    std::string text;
    const auto passes = [&](const Event& waiting) {
      return std::ranges::any_of(events, [&](const Event& event) {
        return (event.kind == EventKind::granted || event.kind == EventKind::lock_granted) &&
               event.name == waiting.name;
      });
    };
    for (const Event& event : events) {
      std::string part;
      if (event.kind == EventKind::extended) part = fmt::format("{} bytes", event.size);
      if (event.kind == EventKind::granted_at_once) part = fmt::format("at {}", event.offset);
      if (event.kind == EventKind::resized) part = fmt::format("in place, at {}", event.offset);
      if (event.kind == EventKind::moved_at_once || event.kind == EventKind::moved) {
        part = fmt::format("moves to {}", event.offset);
      }
      const bool waits = event.kind == EventKind::waiting || event.kind == EventKind::lock_waits;
      if (waits && !passes(event)) part = "waits";
      if (event.kind == EventKind::deferred) part = "deferred";
      if (event.kind == EventKind::lock_granted) part = fmt::format("{} granted", event.name);
      if (event.kind == EventKind::refused) part = "refused";
      if (event.kind == EventKind::granted) {
        part = fmt::format("{} granted at {}", event.name, event.offset);
      }
      if (!part.empty()) text += (text.empty() ? "" : "; ") + part;
    }
    return text;
  }

  void put_end() {
    for (std::size_t heap = 0; heap < world_.heap_count(); ++heap) put_heap(heap);
    for (std::size_t one = 0; one < world_.heap_count(); ++one) {
      for (std::size_t two = one + 1; two < world_.heap_count(); ++two) put_circle(one, two);
    }
    for (std::size_t task = 0; task < world_.tasks().size(); ++task) put_task(task);
    put_held_by(world_.tasks().size(), "the part before the tasks");
    for (std::size_t box = 0; box < world_.program().mailboxes.size(); ++box) {
      std::string blocks;
      for (const HeldBlock& block : world_.mailbox(box))
        add_block(blocks, world_.name_of(block), block);
      if (!blocks.empty()) {
        put("  mailbox {} holds {}\n", world_.program().mailboxes[box].name, blocks);
      }
    }
  }

  /// The free bytes of a heap, and who waits for it.
  void put_heap(std::size_t heap) {
    std::vector<std::size_t> holes;
    world_.heap(heap).raw().for_each_hole(
        [&](std::size_t, std::size_t size) { holes.push_back(size); });
    const std::string where = where_is(heap);
    text_ += testing::free_text(holes, world_.heap(heap).capacity_bytes(), where);
    const std::optional<std::size_t> holder = world_.lock_holder(heap);
    if (holder) put_lock(heap, *holder);
    for (std::size_t place = 0; place < world_.queue(heap).size(); ++place) {
      const std::size_t task = world_.queue(heap)[place];
      if (world_.current_step(task)->kind == OpKind::lock) {
        put("  {} {} the lock{}\n", world_.tasks()[task].name,
            place == 0 ? "is first and needs" : "needs", where);
        continue;
      }
      if (holder) {
        put("  {} {} {}{} (the heap is locked)\n", world_.tasks()[task].name,
            place == 0 ? "is first and needs" : "needs",
            testing::bytes_text(world_.taken_bytes(heap, world_.request_of(task).size)), where);
        continue;
      }
      text_ += testing::waiter_text(world_.tasks()[task].name, place,
                                    world_.taken_bytes(heap, world_.request_of(task).size), holes,
                                    where);
    }
  }

  /// Who has locked a heap, why there is no unlock, and what is deferred until then.
  void put_lock(std::size_t heap, std::size_t holder) {
    const std::string& name = world_.tasks()[holder].name;
    std::string_view why = " and does not unlock it";
    if (world_.state_of(holder) == TaskState::done) why = " and has ended without an unlock";
    if (world_.state_of(holder) == TaskState::waiting) {
      why = " and waits itself: no request is granted before the unlock";
    }
    if (world_.is_blocked_by_object(holder)) why = " and waits itself, but not for memory";
    put("  {} has locked the heap{}{}\n", name, where_is(heap), why);
    std::string blocks;
    for (const HeldBlock& block : world_.deferred(heap)) {
      add_block(blocks, world_.name_of(block), block);
    }
    if (!blocks.empty()) put("  deferred until the unlock: {}\n", blocks);
  }

  /// If each of two heaps has what a request to the other one waits for.
  void put_circle(std::size_t one, std::size_t two) {
    const std::optional<std::size_t> first = waiter_that_holds(one, two);
    const std::optional<std::size_t> second = waiter_that_holds(two, one);
    if (!first || !second) return;
    put("  a circle through two heaps: {} waits for {} and holds memory of {}, {} the reverse\n",
        world_.tasks()[*first].name, name_of(one), name_of(two), world_.tasks()[*second].name);
  }

  /// A task that waits for a heap and holds a block of another.
  [[nodiscard]] std::optional<std::size_t> waiter_that_holds(std::size_t waits_for,
                                                             std::size_t holds) const {
    for (const std::size_t task : world_.queue(waits_for)) {
      const std::size_t names = world_.tasks()[task].program->names.size();
      for (std::size_t name = 0; name < names; ++name) {
        const HeldBlock& block = world_.held(task, name);
        if (block.offset != 0 && world_.heap_of(block) == holds) return task;
      }
    }
    return std::nullopt;
  }

  [[nodiscard]] std::string name_of(std::size_t heap) const {
    return heap == 0 ? "the first heap" : world_.program().heaps[heap].name;
  }
  /// ` in dma`; empty for the first heap.
  [[nodiscard]] std::string where_is(std::size_t heap) const {
    return heap == 0 ? std::string() : " in " + world_.program().heaps[heap].name;
  }

  void put_task(std::size_t task) {
    const std::string& name = world_.tasks()[task].name;
    if (const ProgramStep* const step = world_.current_step(task); step != nullptr) {
      if (world_.is_blocked_by_object(task)) put_blocked(task, *step);
      put_held_by(task, name);
    } else {
      put_held_by(task, name + ", which has ended,");
    }
  }

  void put_blocked(std::size_t task, const ProgramStep& step) {
    const std::string& name = world_.tasks()[task].name;
    if (world_.tasks()[task].program->is_isr) return;
    const Program& program = world_.program();
    switch (step.kind) {
      case OpKind::wait:
        put("  {} waits for '{}', which {}\n", name, program.semaphores[step.object].name,
            others(task, OpKind::signal, step.object, "signals"));
        break;
      case OpKind::receive:
        put("  {} waits for a block in mailbox {}, to which {}\n", name,
            program.mailboxes[step.object].name, others(task, OpKind::send, step.object, "sends"));
        break;
      default:
        put("  {} waits for room in mailbox {}, from which {}\n", name,
            program.mailboxes[step.object].name,
            others(task, OpKind::receive, step.object, "receives"));
        break;
    }
  }

  /// `only producer signals`: names all other tasks with such a step.
  [[nodiscard]] std::string others(std::size_t task, OpKind kind, std::size_t object,
                                   std::string_view verb) const {
    std::string names;
    for (const TaskProgram& program : world_.program().tasks) {
      const bool does = std::ranges::any_of(program.steps, [&](const ProgramStep& step) {
        return step.kind == kind && step.object == object;
      });
      const bool is_self = &program == world_.tasks()[task].program && program.copies == 1;
      if (does && !is_self) names += (names.empty() ? "" : ", ") + program.name;
    }
    if (names.empty()) return fmt::format("no other task {}", verb);
    return fmt::format("only {} {}", names, verb);
  }

  void add_block(std::string& text, std::string_view name, const HeldBlock& block) const {
    const std::size_t heap = world_.heap_of(block);
    fmt::format_to(std::back_inserter(text), "{}{} ({} at {}{})", text.empty() ? "" : ", ", name,
                   world_.taken_bytes(heap, block.size_bytes), world_.offset_of(block) - word_bytes,
                   where_is(heap));
  }

  void put_held_by(std::size_t task, const std::string& who) {
    const TaskProgram& program =
        task == world_.tasks().size() ? world_.program().boot : *world_.tasks()[task].program;
    std::string blocks;
    for (std::size_t name = 0; name < program.names.size(); ++name) {
      const HeldBlock& block = world_.held(task, name);
      if (block.offset != 0) add_block(blocks, program.names[name], block);
    }
    if (!blocks.empty()) put("  {} holds {}\n", who, blocks);
  }

  World& world_;
  const Verdict& verdict_;
  const Path& before_;
  std::string text_;
};

}  // namespace

std::string explanation(World& world, const Verdict& verdict, const Path& before) {
  return Explainer{world, verdict, before}.explain();
}

std::string schedule_text(const World& world, const Path& schedule) {
  std::string text;
  for (std::size_t at = 0; at < schedule.size();) {
    std::size_t count = 1;
    while (at + count < schedule.size() && schedule[at + count] == schedule[at]) ++count;
    text += (text.empty() ? "" : " ") + world.tasks()[schedule[at].task].name;
    if (schedule[at].choice > 0) text += '/' + std::to_string(schedule[at].choice + 1);
    if (count > 1) text += '*' + std::to_string(count);
    at += count;
  }
  return text;
}

}  // namespace mneme::driver
