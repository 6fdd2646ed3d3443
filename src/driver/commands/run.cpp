// purpose: runs files, prints results, and chooses the exit code.
// layer: commands; includes run, transcript, summary, diagnostic.
// threads: one call at a time.
// invariants: diagnostics come after the transcript that led to them.
#include "run.hpp"

#include <fmt/format.h>

#include <array>
#include <cstdlib>
#include <utility>

#include "driver/language/diagnostic.hpp"
#include "driver/report/history.hpp"
#include "driver/report/perfetto.hpp"
#include "driver/report/story.hpp"
#include "driver/report/summary.hpp"
#include "driver/report/transcript.hpp"
#include "write_file.hpp"

namespace mneme::driver {

namespace {

/// Prints a run as it goes.
class Printer final : public RunReader {
 public:
  /// `others` also read the run.
  Printer(const RunOptions& options, Output& output, std::span<StepReader* const> others)
      : options_{options},
        output_{output},
        others_{others},
        is_quiet_{options.quiet || !options.why.empty()} {}

  void events(std::span<const Event> events, const Executor& executor) override {
    for (StepReader* const other : others_) other->events(events, executor);
    if (is_quiet_) return;
    transcript_.each_line(events, executor, [&](const TranscriptLine& line) {
      output_.print("{}{}\n{}", line.head, line.result, line.below);
    });
  }
  void task_step(const std::string& task, const std::string& text) override {
    for (StepReader* const other : others_) other->task_step(task, text);
    if (is_quiet_) return;
    if (!task.empty()) output_.print("{:<9} ", task);
    if (!text.empty()) output_.print("{}\n", text);
  }
  void deadlock(const std::string& explanation) override {
    // With --stats, standard output is for a program to read.
    if (options_.stats && options_.quiet) return output_.report(explanation);
    output_.print("{}", explanation);
  }
  void diagnostic(std::uint64_t /*line*/, const Diagnostic& diagnostic) override {
    output_.report(render(diagnostic));
  }
  void message(std::uint64_t /*line*/, const std::string& text) override { output_.report(text); }
  void summary(const std::string& text) override {
    if (!options_.stats && options_.why.empty()) output_.print("{}", text);
  }

 private:
  const RunOptions& options_;
  Output& output_;
  std::span<StepReader* const> others_;
  bool is_quiet_;
  Transcript transcript_;
};

/// Returns false if there is no such name.
bool print_story(const Story& story, const std::string& path, const RunOptions& options,
                 Output& output) {
  if (const auto text = story.text()) {
    output.print("{}", *text);
    return true;
  }
  output.report(fmt::format("mneme: error: {}: no request is named {}{}\n", path,
                            in_quotes(options.why), story.nearest_name()));
  return false;
}

Exit run_script(const std::string& path, const RunOptions& options, Output& output) {
  const bool is_read =
      !options.quiet || !options.why.empty() || options.stats || !options.perfetto.empty();
  ScriptOptions script = options.script;
  script.kept_events = is_read ? Kept::all : Kept::failed_expectations;
  ScriptRunner runner(std::move(script));
  Story story(options.why);
  std::vector<StepReader*> readers;
  if (!options.why.empty()) readers.push_back(&story);
  WaitHistograms waits;
  if (options.stats) readers.push_back(&waits);
  History history;
  if (!options.perfetto.empty()) readers.push_back(&history);
  Printer printer(options, output, readers);
  Exit exit = Exit::bad_input;
  try {
    Source source = Source::open(path);
    exit = runner.run(source, printer);
  } catch (const InputError& error) {
    printer.message(0, fmt::format("mneme: error: {}\n", error.what()));
  }
  if (!options.why.empty() && runner.executor().has_heap() &&
      !print_story(story, path == "-" ? "<stdin>" : path, options, output)) {
    exit = worse(exit, Exit::bad_input);
  }
  if (!options.perfetto.empty()) {
    warn_if_cut(history, output);
    write_file(options.perfetto, perfetto_trace(history));
  }
  if (options.stats) {
    output.print("{}\n", summary_json(path == "-" ? "<stdin>" : path, static_cast<int>(exit),
                                      runner.executor().tally(), waits));
  }
  output.flush();
  // After corruption the runner is not destroyed: that may crash.
  if (exit == Exit::corruption) std::_Exit(static_cast<int>(exit));
  return exit;
}

}  // namespace

Exit worse(Exit a, Exit b) {
  constexpr std::array<int, 6> rank{0, 1, 3, 2, 4, 5};
  return rank[static_cast<std::size_t>(a)] < rank[static_cast<std::size_t>(b)] ? b : a;
}

Exit run_scripts(const RunOptions& options, Output& output) {
  if (!options.perfetto.empty()) {
    if (options.paths.size() > 1) throw InputError("--perfetto is for one script");
    check_writable(options.perfetto);
  }
  Exit worst = Exit::ok;
  for (const std::string& path : options.paths) {
    if (options.paths.size() > 1 && !options.stats) output.print("== {}\n", path);
    worst = worse(worst, run_script(path, options, output));
    if (worst != Exit::ok && !options.script.keep_going) break;
  }
  return worst;
}

}  // namespace mneme::driver
