// purpose: passes steps from the parser to the executor, and events and errors to the reader.
// layer: commands; includes script_runner, parser, importer, report.
// threads: one run at a time.
// invariants: see script_runner.hpp.
#include "script_runner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "driver/explore/flat_run.hpp"
#include "driver/explore/schedule.hpp"
#include "driver/import/importer.hpp"
#include "driver/language/parser.hpp"
#include "driver/report/deadlock.hpp"
#include "driver/report/expectation.hpp"
#include "driver/report/summary.hpp"

namespace mneme::driver {

Exit ScriptRunner::run(Source& source, RunReader& reader) {
  Exit exit = Exit::bad_input;
  try {
    exit = run_steps(source, reader);
  } catch (const ScriptError& error) {
    report_error(error, reader);
  } catch (const InputError& error) {
    reader.message(line_, fmt::format("mneme: error: {}\n", error.what()));
  }
  if (exit != Exit::bad_input) reader.summary(summary_text(executor_.tally(), never_freed_));
  return exit;
}

void ScriptRunner::show_unfinished() {
  if (watched_run != nullptr)
    watching_reader->events(watched_run->executor_.events(), watched_run->executor_);
}

// Calls the executor; its events are passed on even if it fails.
template <class Call>
void ScriptRunner::watched(RunReader& reader, Call call) {
  watched_run = this;
  watching_reader = &reader;
  try {
    call();
  } catch (...) {
    watched_run = nullptr;
    reader.events(executor_.events(), executor_);
    throw;
  }
  watched_run = nullptr;
  reader.events(executor_.events(), executor_);
}

Exit ScriptRunner::run_steps(Source& source, RunReader& reader) {
  ParserOptions parser_options;
  parser_options.default_heap_bytes = options_.heap_bytes.value_or(0);
  parser_options.on_warning = [&](const Diagnostic& warning) {
    reader.diagnostic(warning.line, warning);
  };
  Parser parser(source, std::move(parser_options));
  ProgramBuilder builder;
  std::size_t boot_steps = 0;  // run before the first step that is only for scripts with tasks
  Op op;
  try {
    while (parser.next(op)) {
      if (op.kind == OpKind::heap && options_.raw) set_raw_heap(op, *options_.raw);
      if (op.kind == OpKind::heap && options_.queue) set_queue(op, *options_.queue);
      line_ = op.line;
      builder.add(op);
      if (builder.has_tasks()) continue;
      if (op.kind != OpKind::heap && op.kind != OpKind::named_heap) ++boot_steps;
      const std::uint64_t failed_before = executor_.tally().expectations_failed;
      watched(reader, [&] { (void)executor_.step(op); });
      if (executor_.tally().expectations_failed == failed_before) continue;
      report_failed_expectation(reader);
      // If this was the last step, the end of the run is still checked.
      if (!options_.keep_going && parser.next(op)) return Exit::expectation;
    }
    line_ = 0;
    if (!executor_.has_heap() && !options_.heap_bytes) {
      throw ScriptError({Severity::error,
                         source.name(),
                         1,
                         1,
                         "no command; the first one must be 'heap SIZE'",
                         {}});
    }
    if (builder.has_tasks()) run_tasks(builder.finish(), boot_steps, reader);
    watched(reader, [&] { (void)executor_.run_to_end(); });
    if (executor_.tally().waiting_at_end > 0) reader.deadlock(deadlock_explanation(executor_));
    never_freed_ = never_freed(executor_);
    executor_.take_everything_back();
  } catch (const Corruption& corruption) {
    reader.diagnostic(
        line_, {Severity::error, source.name(), op.line, op.column,
                fmt::format("corruption: {}", corruption.what()), std::string(op.source_line)});
    return Exit::corruption;
  }
  if (executor_.tally().waiting_at_end > 0 || is_stuck_) return Exit::deadlock;
  return executor_.tally().expectations_failed > 0 ? Exit::expectation : Exit::ok;
}

/// Runs the tasks by the schedule, until that ends or no task can continue.
void ScriptRunner::run_tasks(Program program, std::size_t boot_steps, RunReader& reader) {
  if (options_.heap_bytes) program.heaps.front().bytes = *options_.heap_bytes;
  Schedule schedule{options_.schedule};
  if (program.goes_on_forever() && options_.steps == 0 && !schedule.is_file()) {
    throw InputError("tasks with 'repeat forever' need --steps=N");
  }
  World world{program, options_of(program)};
  executor_.keep_events(Kept::all);  // FlatRun compares them with the world
  FlatRun run{world, executor_};
  for (std::size_t heap = executor_.heap_count(); heap < world.heap_count(); ++heap) {
    watched(reader, [&] { (void)run.make_heap(heap); });
  }
  for (std::size_t step = 0; step < run.boot_steps(); ++step) {
    if (step < boot_steps) {
      run.skip_boot(step);
    } else {
      watched(reader, [&] { (void)run.boot(step); });
    }
  }
  reader.task_step({}, "schedule " + schedule.name());
  for (std::uint64_t steps = 0; options_.steps == 0 || steps < options_.steps; ++steps) {
    const std::optional<Move> move = schedule.next(world);
    if (!move) break;
    const ProgramStep& step = *world.current_step(move->task);
    const std::string& name = world.tasks()[move->task].name;
    line_ = step.line;
    const bool has_nothing = (step.kind == OpKind::free || step.kind == OpKind::resize) &&
                             world.held(move->task, step.name).offset == 0;
    if (is_of_heap(step.kind) && !has_nothing) {
      reader.task_step(name, {});
      watched(reader, [&] { (void)run.step(*move); });
    } else {
      const std::string text = world.text_of(*move);
      (void)run.step(*move);
      reader.task_step(name, fmt::format("{}: {}{}", step.line, text,
                                         !has_nothing                ? ""
                                         : step.kind == OpKind::free ? " -> nothing to free"
                                                                     : " -> nothing to resize"));
    }
  }
  line_ = 0;
  if (program.expected) {
    reader.task_step({}, fmt::format("expect {}: for 'mneme explore' to check",
                                     ending_words[static_cast<std::size_t>(*program.expected)]));
  }
  report_stuck(world, reader);
}

/// Called when no task can continue: reports those that wait, but not for memory.
void ScriptRunner::report_stuck(const World& world, RunReader& reader) {
  std::string text;
  for (std::size_t task = 0; task < world.tasks().size(); ++task) {
    if (world.can_step(task)) return;
    if (world.tasks()[task].program->is_isr || !world.is_blocked_by_object(task)) continue;
    text += fmt::format("stuck: {} at line {}: {}\n", world.tasks()[task].name,
                        world.current_step(task)->line, world.current_step(task)->text);
  }
  is_stuck_ = !text.empty();
  if (is_stuck_) reader.deadlock(text);
}

void ScriptRunner::report_failed_expectation(RunReader& reader) const {
  for (const Event& event : executor_.events()) {
    if (event.kind != EventKind::expectation_failed) continue;
    reader.diagnostic(line_, expectation_diagnostic(event));
  }
}

/// Reports an error, with a hint if the file is a recorded trace and not a script.
void ScriptRunner::report_error(const ScriptError& error, RunReader& reader) const {
  const Diagnostic& diagnostic = error.diagnostic();
  const std::uint64_t line = std::max(line_, diagnostic.line);
  reader.diagnostic(line, diagnostic);
  const TraceFormat format = detect_trace_format(diagnostic.source_line);
  if (executor_.has_heap() || (format != TraceFormat::valgrind && format != TraceFormat::mtrace)) {
    return;
  }
  reader.message(
      line, fmt::format("{}{}note: a recorded {} trace; 'mneme import' turns it into a script\n",
                        diagnostic.file, diagnostic.file.empty() ? "" : ": ", word_of(format)));
}

}  // namespace mneme::driver
