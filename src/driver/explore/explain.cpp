// purpose: the explanation: the schedule, what each task waits for, and what it holds.
// layer: explore; includes explain, flat_run.
// threads: one owner.
// invariants: see explain.hpp.
#include "explain.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "flat_run.hpp"

namespace mneme::driver {

namespace {

std::string bytes(std::size_t count) {
  return fmt::format("{} byte{}", count, count == 1 ? "" : "s");
}

class Explainer {
 public:
  Explainer(World& world, const Verdict& verdict) : world_{world}, verdict_{verdict} {}

  [[nodiscard]] std::string explain() {
    put_title();
    put_steps();
    put_end();
    return std::move(text_);
  }

 private:
  template <class... Args>
  void put(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Args>(args)...);
  }

  void put_title() {
    const std::size_t steps = verdict_.schedule.size();
    put("{}: ", verdict_.kind == VerdictKind::stuck ? "stuck" : "deadlock");
    if (verdict_.shares) {
      put("in {} of {} schedules", grouped(verdict_.shares->bad),
          grouped(verdict_.shares->schedules));
      if (verdict_.shares->chance > 0.5) {
        put("; {:.0f} % of random runs hit it; ", 100 * verdict_.shares->chance);
      } else {
        put("; one random run in {} hits it; ", grouped(std::round(1 / verdict_.shares->chance)));
      }
    }
    put("the shortest {}has {} step{}:\n", verdict_.is_shortest ? "" : "found ", steps,
        steps == 1 ? "" : "s");
  }

  struct Line {
    std::string task;
    std::string step;
    std::string result;
  };

  void put_steps() {
    Executor executor;
    FlatRun run(world_, executor);
    (void)run.make_heap();
    for (std::size_t step = 0; step < run.boot_steps(); ++step) (void)run.boot(step);
    std::vector<Line> lines;
    for (const Move move : verdict_.schedule) {
      const std::size_t task = move.task;
      if (!world_.can_step(task))
        throw Corruption{"the search and the run differ in which tasks can run"};
      const std::string step = world_.text_of(move);
      const auto events = run.step(move);
      lines.push_back({world_.tasks()[task].name, step, result_of(events)});
    }
    std::size_t task_width = 0;
    std::size_t step_width = 0;
    std::size_t result_width = 0;
    for (const Line& line : lines) {
      task_width = std::max(task_width, line.task.size());
      step_width = std::max(step_width, line.step.size());
      result_width = std::max(result_width, line.result.size());
    }
    if (verdict_.no_return == 0U) put("  ! no order of the steps helps, even from the beginning\n");
    for (std::size_t at = 0; at < lines.size(); ++at) {
      const bool is_last_chance = verdict_.no_return == at + 1;
      std::string line = fmt::format("  {} {:>3}  {:<{}}  {:<{}}  {:<{}}",
                                     is_last_chance ? '!' : ' ', at + 1, lines[at].task, task_width,
                                     lines[at].step, step_width, lines[at].result, result_width);
      if (is_last_chance && at + 1 < lines.size()) line += "  after this step no order helps";
      line.resize(line.find_last_not_of(' ') + 1);
      put("{}\n", line);
    }
    executor.run_to_end();
    executor.take_everything_back();
  }

  [[nodiscard]] static std::string result_of(std::span<const Event> events) {
    std::string text;
    for (const Event& event : events) {
      std::string part;
      if (event.kind == EventKind::extended) part = fmt::format("{} bytes", event.size);
      if (event.kind == EventKind::granted_at_once) part = fmt::format("at {}", event.offset);
      if (event.kind == EventKind::waiting) part = "waits";
      if (event.kind == EventKind::refused) part = "refused";
      if (event.kind == EventKind::granted) {
        part = fmt::format("{} granted at {}", event.name, event.offset);
      }
      if (!part.empty()) text += (text.empty() ? "" : "; ") + part;
    }
    return text;
  }

  void put_end() {
    std::vector<std::size_t> holes;
    world_.heap().raw().for_each_hole(
        [&](std::size_t, std::size_t size) { holes.push_back(size); });
    free_ = 0;
    for (const std::size_t hole : holes) free_ += hole;
    largest_ = holes.empty() ? 0 : *std::ranges::max_element(holes);
    put_free(holes);
    for (std::size_t place = 0; place < world_.queue().size(); ++place) put_waiter(place);
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

  void put_free(const std::vector<std::size_t>& holes) {
    put("  {} of {} are free", free_, bytes(world_.heap().capacity_bytes()));
    if (holes.size() > 1) {
      put(", in holes of ");
      for (std::size_t at = 0; at < holes.size(); ++at) {
        put("{}{}", at == 0 ? "" : at + 1 < holes.size() ? ", " : " and ", holes[at]);
      }
    } else if (!holes.empty()) {
      put(", in one hole");
    }
    put(".\n");
  }

  /// What a waiting request needs, and why it cannot be granted.
  void put_waiter(std::size_t place) {
    const std::size_t task = world_.queue()[place];
    const std::size_t need = World::block_bytes(world_.request_of(task).size);
    std::string why = "would fit, but is not first";
    if (need > free_) {
      why = "exhaustion: not enough is free";
    } else if (place == 0 || need > largest_) {
      why = "fragmentation: enough is free, but not in one piece";
    }
    put("  {} {} {} in one piece ({})\n", world_.tasks()[task].name,
        place == 0 ? "is first and needs" : "needs", bytes(need), why);
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

  static void add_block(std::string& text, std::string_view name, const HeldBlock& block) {
    fmt::format_to(std::back_inserter(text), "{}{} ({} at {})", text.empty() ? "" : ", ", name,
                   World::block_bytes(block.size_bytes), block.offset - word_bytes);
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
  std::string text_;
  std::size_t free_ = 0;
  std::size_t largest_ = 0;
};

}  // namespace

std::string explanation(World& world, const Verdict& verdict) {
  return Explainer{world, verdict}.explain();
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

std::string grouped(double number) {
  constexpr double exact_max = 9e15;
  if (number > exact_max) return fmt::format("{:.1e}", number);
  std::string digits = fmt::format("{:.0f}", number);
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, 1, ',');
  return digits;
}

}  // namespace mneme::driver
