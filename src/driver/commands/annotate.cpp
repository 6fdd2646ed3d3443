// purpose: turns the results of a run into annotations.
// layer: commands; includes annotate, run, rewrite_file, annotated_script, transcript, input.
// threads: one call at a time.
// invariants: see annotate.hpp.
#include "annotate.hpp"

#include <fmt/format.h>

#include <memory>
#include <string_view>
#include <utility>

#include "driver/language/input.hpp"
#include "driver/language/text_start.hpp"
#include "driver/report/annotated_script.hpp"
#include "driver/report/transcript.hpp"
#include "rewrite_file.hpp"
#include "run.hpp"

namespace mneme::driver {

namespace {

/// Puts results behind their steps, and the rest of the output below.
class Annotator final : public RunReader {
 public:
  explicit Annotator(AnnotatedScript& script) : script_{script} {}

  void events(std::span<const Event> events, const Executor& executor) override {
    transcript_.each_line(events, executor, [&](const TranscriptLine& line) {
      if (!task_.empty()) {
        script_.add_below(AnnotatedScript::behind_all,
                          fmt::format("{:<9} {}{}", task_, line.head, line.result));
        return;
      }
      if (line.kind == EventKind::step) line_ = line.step->line;
      if (line.kind == EventKind::end) line_ = AnnotatedScript::behind_all;
      if (line.kind == EventKind::step && !line.step->synthetic) {
        script_.add_result(line_, line.result);
      } else {
        const bool is_made_up = line.kind == EventKind::step;  // the heap of a trace comes first
        script_.add_below(line_ - (is_made_up ? 1 : 0),
                          fmt::format("{}{}", line.head, line.result));
      }
      script_.add_below(line_, line.below);
    });
  }
  /// A step in a task may run more than once: such results come in order, after the script.
  void task_step(const std::string& task, const std::string& text) override {
    task_ = task;
    if (text.empty()) return;
    script_.add_below(AnnotatedScript::behind_all,
                      task.empty() ? text : fmt::format("{:<9} {}", task, text));
  }
  void deadlock(const std::string& explanation) override {
    script_.add_below(AnnotatedScript::behind_all, explanation);
  }
  void diagnostic(std::uint64_t line, const Diagnostic& diagnostic) override {
    script_.add_below(place_of(line), render(diagnostic));
  }
  void message(std::uint64_t line, const std::string& text) override {
    script_.add_below(place_of(line), text);
  }
  void summary(const std::string& text) override {
    script_.add_below(AnnotatedScript::behind_all, text);
  }

 private:
  [[nodiscard]] static std::size_t place_of(std::uint64_t line) {
    return line == 0 ? AnnotatedScript::behind_all : line;
  }

  AnnotatedScript& script_;
  Transcript transcript_;
  std::size_t line_ = 0;  // of the current step
  std::string task_;      // its task; empty if it is outside of tasks
};

/// Runs the script. Its diagnostics name no file, so that the script may be moved.
AnnotatedScript run_annotated(std::string_view text, const ScriptOptions& options) {
  AnnotatedScript script(text);
  const std::string to_run = script.without_annotations();
  Source source(to_run, "");
  Annotator annotator(script);
  auto runner = std::make_unique<ScriptRunner>(options);
  const Exit exit = runner->run(source, annotator);
  // After corruption the runner is not destroyed: that may crash.
  static auto* const broken = new std::vector<std::unique_ptr<ScriptRunner>>;
  if (exit == Exit::corruption) broken->push_back(std::move(runner));
  script.add_below(AnnotatedScript::behind_all, fmt::format("exit {}", static_cast<int>(exit)));
  return script;
}

std::string read_script(const std::string& path) {
  std::string text = read_whole(path);
  (void)text_start(text, path == "-" ? "<stdin>" : path);  // throws if it is no text at all
  return text;
}

Exit check_script(const std::string& path, const ScriptOptions& options, Output& output) {
  const std::string text = read_script(path);
  const std::string name = path == "-" ? "<stdin>" : path;
  const AnnotatedScript script = run_annotated(text, options);
  if (!script.has_annotations()) {
    throw InputError(
        fmt::format("{} has no annotations, so there is nothing to check; 'mneme run --annotate "
                    "--in-place' writes them",
                    in_quotes(name)));
  }
  const std::string difference = script.difference();
  if (difference.empty()) return Exit::ok;
  output.print("--- {}\n+++ {}, as it runs\n{}", name, name, difference);
  return Exit::expectation;
}

}  // namespace

void annotate_scripts(const AnnotateOptions& options, Output& output) {
  for (const std::string& path : options.paths) {
    if (options.in_place && path == "-") throw InputError("standard input cannot be rewritten");
    const std::string text = read_script(path);
    // The first run gives the number of lines; in the second, line numbers in messages are right.
    const std::string once = run_annotated(text, options.script).annotated();
    const std::string annotated = run_annotated(once, options.script).annotated();
    if (!options.in_place) {
      output.print("{}", annotated);
    } else if (annotated != text) {
      rewrite_file(path, annotated);
    }
  }
  output.flush();
}

Exit check_scripts(const AnnotateOptions& options, Output& output) {
  Exit worst = Exit::ok;
  for (const std::string& path : options.paths) {
    try {
      worst = worse(worst, check_script(path, options.script, output));
    } catch (const InputError& error) {
      output.report(fmt::format("mneme: error: {}\n", error.what()));
      worst = Exit::bad_input;
    }
  }
  output.flush();
  return worst;
}

}  // namespace mneme::driver
