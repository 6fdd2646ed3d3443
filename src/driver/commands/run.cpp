// purpose: run files, report, choose the exit code.
// layer: commands; includes run, executor, importer, parser, diagnostic; JSON by nlohmann.
// threads: one call at a time.
// invariants: diagnostics come after the transcript that led to them.
#include "run.hpp"

#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "driver/execute/executor.hpp"
#include "driver/import/importer.hpp"
#include "driver/language/diagnostic.hpp"
#include "driver/language/parser.hpp"
#include "driver/language/source.hpp"

namespace mneme::driver {

namespace {

void print_json(Output& output, const std::string& name, Exit exit, const Tally& tally) {
  const nlohmann::ordered_json json{{"file", name},
                                    {"exit", static_cast<int>(exit)},
                                    {"capacity_bytes", tally.capacity_bytes},
                                    {"peak_bytes", tally.peak_bytes},
                                    {"steps", tally.steps},
                                    {"held_steps", tally.held},
                                    {"requests", tally.requests},
                                    {"granted_at_once", tally.granted_at_once},
                                    {"waits", tally.waits},
                                    {"granted_later", tally.granted_later},
                                    {"refused", tally.refused},
                                    {"closed", tally.closed},
                                    {"cancelled", tally.cancelled},
                                    {"freed", tally.freed},
                                    {"moved", tally.moved},
                                    {"expectations_failed", tally.expectations_failed},
                                    {"live_at_end", tally.live_at_end},
                                    {"waiting_at_end", tally.waiting_at_end}};
  output.print("{}\n", json.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace));
}

Exit run_steps(Source& source, const RunOptions& options, Output& output, Executor& executor) {
  ParserOptions parser_options;
  parser_options.default_heap_bytes = options.heap_bytes.value_or(0);
  parser_options.on_warning = [&](const Diagnostic& warning) { output.report(render(warning)); };
  Parser parser(source, std::move(parser_options));
  Op op;
  try {
    while (parser.next(op)) {
      if (op.kind == OpKind::heap && options.raw) op.raw = *options.raw;
      try {
        executor.step(op);
      } catch (const ExpectationFailed&) {
        if (parser.next(op)) return Exit::expectation;
      }
    }
    if (!executor.has_heap() && !options.heap_bytes) {
      throw ScriptError(
          {Severity::error, source.name(), 1, 1, "no command; the first must be 'heap SIZE'", {}});
    }
    executor.finish();
  } catch (const ExpectationFailed&) {  // of a step that was held to the end
    return Exit::expectation;
  } catch (const Corruption& corruption) {
    output.report(
        render({Severity::error, source.name(), op.line, op.column,
                fmt::format("corruption: {}", corruption.what()), std::string(op.source_line)}));
    return Exit::corruption;
  }
  if (executor.tally().waiting_at_end > 0) return Exit::deadlock;
  return executor.tally().expectations_failed > 0 ? Exit::expectation : Exit::ok;
}

/// The error of a script; and a hint where the file is no script but a recorded trace.
void report_error(Output& output, const ScriptError& error, bool has_heap) {
  const Diagnostic& diagnostic = error.diagnostic();
  output.report(render(diagnostic));
  const TraceFormat format = detect_trace_format(diagnostic.source_line);
  if (has_heap || (format != TraceFormat::valgrind && format != TraceFormat::mtrace)) return;
  output.report(fmt::format("{}: note: a recorded {} trace; 'mneme import' makes a script of it\n",
                            diagnostic.file, word_of(format)));
}

Exit run_script(const std::string& path, const RunOptions& options, Output& output) {
  Executor executor(output, {options.quiet, options.keep_going, options.heap_bytes,
                             options.stats && options.quiet});
  Exit exit = Exit::bad_input;
  try {
    Source source = Source::open(path);
    exit = run_steps(source, options, output, executor);
  } catch (const ScriptError& error) {
    report_error(output, error, executor.has_heap());
  } catch (const InputError& error) {
    output.report(fmt::format("mneme: error: {}\n", error.what()));
  }
  if (options.stats) {
    print_json(output, path == "-" ? "<stdin>" : path, exit, executor.tally());
  } else if (exit != Exit::bad_input) {
    executor.print_summary();
  }
  output.flush();
  // What was found broken is not taken apart: that could only break more.
  if (exit == Exit::corruption) std::_Exit(static_cast<int>(exit));
  return exit;
}

Exit worse(Exit a, Exit b) {
  constexpr std::array<int, 5> rank{0, 1, 3, 2, 4};
  return rank[static_cast<std::size_t>(a)] < rank[static_cast<std::size_t>(b)] ? b : a;
}

}  // namespace

Exit run_scripts(const RunOptions& options, Output& output) {
  Exit worst = Exit::ok;
  for (const std::string& path : options.paths) {
    if (options.paths.size() > 1 && !options.stats) output.print("== {}\n", path);
    worst = worse(worst, run_script(path, options, output));
    if (worst != Exit::ok && !options.keep_going) break;
  }
  return worst;
}

}  // namespace mneme::driver
