// purpose: any bytes through the importers of recorded traces.
// layer: fuzz; includes the driver's importers, parser and executor.
// threads: one.
// invariants: no line is lost; the output is a script whose steps are all valid.
#include "driver/commands/import_command.hpp"
#include "driver/execute/executor.hpp"
#include "driver/import/importer.hpp"
#include "driver/language/parser.hpp"
#include "driver/language/program.hpp"

#include "support/finding.hpp"

using namespace mneme::fuzz;
using namespace mneme::driver;

namespace {

struct Imported {
  std::string script;
  bool has_tasks = false;
};

Imported imported(std::string_view text, TraceFormat format) {
  std::string script = "heap 4K poll=auto align=8\n";
  std::uint64_t reports = 0;
  TraceImporter importer(
      {.format = format, .process = {}},
      [&](std::string_view line) { script.append(line).push_back('\n'); },
      [&](std::uint64_t, Severity, std::string_view) { ++reports; });
  std::uint64_t lines = 0;
  for (; !text.empty() && importer.failure().empty(); ++lines) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    importer.line(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (importer.failure().empty()) importer.finish();
  const ImportSummary& summary = importer.summary();
  require(summary.lines == lines && summary.reports == reports, "lines or reports were lost");
  const auto peak = std::min(summary.room_peak_bytes, std::uint64_t{1} << 62U);
  require(roomy_heap_bytes(summary) >= peak, "the roomy heap is too small");
  const bool has_tasks = importer.failure().empty() && importer.head().has_tasks;
  return {.script = std::move(script), .has_tasks = has_tasks};
}

/// The steps of tasks are checked as a whole: which names hold blocks, and where they are sent.
void check_tasks(Parser& parser) {
  ProgramBuilder builder;
  for (Op op; parser.next(op);) builder.add(op);
  require(!builder.finish().tasks.empty(), "tasks were lost");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return -1;
  const std::string text = text_of_bytes(data + 1, size - 1);
  const TextReproducer reproducer(text);
  const Imported imported_text = imported(text, static_cast<TraceFormat>(data[0] % 5));
  try {
    Source source(imported_text.script, "imported");
    Parser parser(source);
    if (imported_text.has_tasks) {
      check_tasks(parser);
      return 0;
    }
    Executor executor;
    for (Op op; parser.next(op);) (void)executor.step(op);
    (void)executor.run_to_end();
    executor.take_everything_back();
  } catch (const ScriptError& error) {
    stop(render(error.diagnostic()));
  } catch (const Corruption& corruption) {
    stop(corruption.what());
  }
  return 0;
}
