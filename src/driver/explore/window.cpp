// purpose: carries out the part of a schedule before a window, and cuts the tasks after it.
// layer: explore; includes window.
// threads: one owner.
// invariants: see window.hpp.
#include "window.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "driver/language/diagnostic.hpp"
#include "driver/language/input.hpp"

namespace mneme::driver {

namespace {

Path take_steps(World& world, const Window& window, std::size_t count) {
  Schedule schedule{window.schedule};
  Path taken;
  while (taken.size() < count) {
    const std::optional<Move> move = schedule.next(world);
    if (!move) {
      throw InputError(fmt::format("the schedule {} has only {} steps", in_quotes(window.schedule),
                                   taken.size()));
    }
    taken.push_back(*move);
    (void)world.step(*move);
  }
  return taken;
}

bool has_one_path(const TaskProgram& task) {
  return task.copies == 1 && std::ranges::none_of(task.steps, [](const ProgramStep& step) {
           return step.kind == OpKind::repeat || step.choices() > 1;
         });
}

}  // namespace

Path cut_to(Program& program, const WorldOptions& options, const Window& window) {
  if (window.is_whole()) return {};
  if (window.to && *window.to <= window.skipped()) throw InputError("--to comes before --from");
  if (window.to && !std::ranges::all_of(program.tasks, has_one_path)) {
    throw InputError(
        "--to needs tasks without 'repeat', choices and copies, such as recorded ones");
  }
  const Program whole = program;
  World world{whole, options};
  Path before = take_steps(world, window, window.to.value_or(window.skipped()));
  if (!window.to) return before;
  for (std::size_t heap = 0; heap < world.heap_count(); ++heap) {
    if (world.queue(heap).empty()) continue;
    throw InputError(
        fmt::format("after step {} task {} waits for memory; choose a --to after which none does",
                    *window.to, in_quotes(world.tasks()[world.queue(heap).front()].name)));
  }
  before.resize(window.skipped());
  // A random schedule would go another way through fewer tasks: so its steps are kept.
  std::vector<std::uint8_t> number_of(program.tasks.size());
  std::uint8_t kept = 0;
  for (std::size_t task = 0; task < program.tasks.size(); ++task) {
    std::vector<ProgramStep>& steps = program.tasks[task].steps;
    const ProgramStep* const next = world.current_step(task);
    if (next != nullptr) {
      steps.resize(static_cast<std::size_t>(next - whole.tasks[task].steps.data()));
    }
    number_of[task] = kept;
    if (!steps.empty()) ++kept;
  }
  for (Move& move : before) move.task = number_of[move.task];
  std::erase_if(program.tasks, [](const TaskProgram& task) { return task.steps.empty(); });
  return before;
}

void begin_after(World& world, const Path& steps) {
  for (const Move move : steps) (void)world.step(move);
  world.begin_after(steps);
}

}  // namespace mneme::driver
