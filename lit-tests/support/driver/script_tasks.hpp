// purpose: the tasks of a script as C++ tasks, and both explored side by side.
// layer: tests; includes testing, the driver.
// threads: one.
// invariants: each step of a script is one operation of a C++ task.
#pragma once

#include <mneme/raw/bounded.hpp>
#include <mneme/raw/first_fit.hpp>
#include <mneme/testing/explore.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "driver/explore/search.hpp"
#include "driver/explore/verdict.hpp"
#include "driver/language/parser.hpp"
#include "driver/language/program.hpp"

namespace mneme::tests {

namespace t = mneme::testing;

/// Does what a script says, with a coroutine for each of its tasks.
template <RawHeap Raw>
class ScriptWorld : public t::BasicWorld<Raw> {
  using Base = t::BasicWorld<Raw>;
  using Heap = Base::Heap;
  using Block = Allocation<Heap>;
  using Step = driver::ProgramStep;

 public:
  ScriptWorld(std::size_t heap_bytes, const driver::Program& program) : Base(heap_bytes) {
    for (const auto& each : program.semaphores) {
      semaphores_.emplace_back(*this, each.name, each.start);
    }
    for (const auto& each : program.mailboxes) {
      mailboxes_.emplace_back(*this, each.name, each.capacity);
    }
    for (const Step& step : program.boot.steps) {
      if (step.kind != driver::OpKind::alloc) continue;
      const Layout layout = layout_of(step);
      booted_.push_back(Block::from_leaked(this->heap.try_allocate(layout), layout));
    }
    for (const driver::TaskProgram& task : program.tasks) {
      const auto make = [this, &task] { return run(task); };
      if (task.is_isr) {
        this->isr(task.name, run(task));
      } else if (task.is_numbered) {
        this->tasks(task.name, task.copies, make);
      } else {
        this->task(task.name, run(task));
      }
    }
  }

 private:
  static Layout layout_of(const Step& step) {
    return {.size = step.size_bytes, .align = step.align_bytes};
  }

  t::Task run(const driver::TaskProgram& task) {
    std::vector<Block> names(task.names.size() + 1);  // a step without a name has the number 0
    std::vector<std::uint64_t> loops(task.loops);
    for (std::size_t at = 0; at < task.steps.size(); ++at) {
      const Step& step = task.steps[at];
      switch (step.kind) {
        case driver::OpKind::repeat: loops[step.loop] = step.count; break;
        case driver::OpKind::or_else: at = step.jump - 1; break;
        case driver::OpKind::end:
          if (!step.ends_loop) break;
          if (loops[step.loop] == driver::forever) {
            co_await t::again();
          } else if (--loops[step.loop] == 0) {
            break;
          }
          at = step.jump - 1;
          break;
        case driver::OpKind::choose: {
          const std::size_t branch = co_await t::choose(step.branches.size());
          at = step.branches[branch] - 1;
          break;
        }
        default: co_await carry_out(step, names); break;
      }
    }
  }

  /// A part of run(), as it is one of a user's tasks.
  t::Task carry_out(const Step& step, std::vector<Block>& names) {
    Block& name = names[step.name];
    switch (step.kind) {
      case driver::OpKind::alloc: {
        if (step.try_now) {
          co_await t::yield();
          const Layout layout = layout_of(step);
          name = Block::from_leaked(this->heap.try_allocate(layout), layout);
        } else if (step.can_time_out) {
          auto block = co_await t::or_timeout(this->heap.allocate(layout_of(step)));
          if (block) name = *std::move(block);
        } else {
          auto block = co_await this->heap.allocate(layout_of(step));
          name = *std::move(block);
        }
        break;
      }
      case driver::OpKind::free:
        if (name) {
          name.reset();
        } else {
          co_await t::yield();
        }
        break;
      case driver::OpKind::signal: co_await semaphores_[step.object].release(); break;
      case driver::OpKind::wait: co_await semaphores_[step.object].acquire(); break;
      case driver::OpKind::send: co_await mailboxes_[step.object].send(std::move(name)); break;
      case driver::OpKind::receive: {
        auto block = co_await mailboxes_[step.object].receive();
        name = std::move(block);
        break;
      }
      default: co_await t::yield(); break;
    }
  }

  std::deque<t::Semaphore> semaphores_;
  std::deque<t::Mailbox<Block>> mailboxes_;
  std::vector<Block> booted_;
};

/// What is compared.
struct Explored {
  std::size_t states = 0;
  std::size_t transitions = 0;
  std::size_t bad_states = 0;
  std::size_t steps = 0;
  std::size_t no_return = 0;
  double schedules = 0;
  double chance = 0;
  int kind = 0;

  bool operator==(const Explored&) const = default;
};

inline driver::Program program_of(driver::Source source) {
  driver::Parser parser{source, {}};
  driver::ProgramBuilder builder;
  driver::Op op;
  while (parser.next(op)) builder.add(op);
  return builder.finish();
}

/// By the driver.
inline Explored explore_script(const driver::Program& program, t::Switches switches,
                               std::uint64_t states) {
  driver::WorldOptions options = driver::options_of(program);
  options.switches = switches;
  options.is_exact = true;
  driver::World world{program, options};
  driver::SearchLimits limits;
  limits.states = states;
  const driver::SearchResult result = driver::search(world, limits);
  const driver::Verdict verdict = driver::judge(result, program);
  return {.states = result.graph.size(),
          .transitions = result.transitions,
          .bad_states = verdict.bad_states,
          .steps = verdict.schedule.size(),
          .no_return = verdict.no_return.value_or(0),
          .schedules = verdict.shares ? verdict.shares->schedules : 0,
          .chance = verdict.shares ? verdict.shares->chance : 0,
          .kind = static_cast<int>(verdict.kind)};
}

/// As C++ tasks.
inline Explored explore_tasks(const driver::Program& program, t::Switches switches,
                              std::uint64_t states, t::Answer* kept = nullptr) {
  const t::ExploreOptions options{.switches = switches, .states = states};
  const driver::HeapSpec& heap = program.heaps.front();
  t::Answer answer = heap.raw == FirstFit::name
                         ? t::explore<ScriptWorld<FirstFit>>(options, heap.bytes, program)
                         : t::explore<ScriptWorld<Bounded>>(options, heap.bytes, program);
  int kind = 100 + static_cast<int>(answer.kind);
  if (answer.kind == t::AnswerKind::safe) kind = static_cast<int>(t::VerdictKind::no_deadlock);
  if (answer.kind == t::AnswerKind::deadlock) kind = static_cast<int>(t::VerdictKind::deadlock);
  if (answer.kind == t::AnswerKind::stuck) kind = static_cast<int>(t::VerdictKind::stuck);
  if (answer.kind == t::AnswerKind::not_decided) {
    kind = static_cast<int>(t::VerdictKind::not_decided);
  }
  const Explored explored{.states = answer.states,
                          .transitions = answer.transitions,
                          .bad_states = answer.bad_states,
                          .steps = answer.steps,
                          .no_return = answer.no_return.value_or(0),
                          .schedules = answer.shares ? answer.shares->schedules : 0,
                          .chance = answer.shares ? answer.shares->chance : 0,
                          .kind = kind};
  if (kept != nullptr) *kept = std::move(answer);
  return explored;
}

}  // namespace mneme::tests
