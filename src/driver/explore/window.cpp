// purpose: carries out the part of a schedule before a window, and cuts the tasks behind it.
// layer: explore; includes window.
// threads: one owner.
// invariants: see window.hpp.
#include "window.hpp"

#include <fmt/format.h>

#include <algorithm>
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

void end_after(Program& program, const WorldOptions& options, const Window& window) {
  if (!window.to) return;
  if (*window.to <= window.skipped()) throw InputError("--to comes before --from");
  if (!std::ranges::all_of(program.tasks, has_one_path)) {
    throw InputError(
        "--to needs tasks without 'repeat', choices and copies, such as recorded ones");
  }
  const Program whole = program;
  World world{whole, options};
  (void)take_steps(world, window, *window.to);
  if (!world.queue().empty()) {
    throw InputError(
        fmt::format("after step {} task {} waits for memory; choose a --to after which none does",
                    *window.to, in_quotes(world.tasks()[world.queue().front()].name)));
  }
  for (std::size_t task = 0; task < program.tasks.size(); ++task) {
    std::vector<ProgramStep>& steps = program.tasks[task].steps;
    const ProgramStep* const next = world.current_step(task);
    if (next == nullptr) continue;
    steps.resize(static_cast<std::size_t>(next - whole.tasks[task].steps.data()));
  }
  std::erase_if(program.tasks, [](const TaskProgram& task) { return task.steps.empty(); });
}

Path begin_before(World& world, const Window& window) {
  if (window.skipped() == 0) return {};
  Path taken = take_steps(world, window, window.skipped());
  world.begin_after(taken);
  return taken;
}

}  // namespace mneme::driver
