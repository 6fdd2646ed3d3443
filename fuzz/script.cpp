// purpose: any text through parser, formatter and executor, as `mneme run` does it.
// layer: fuzz; includes the driver's front end and executor.
// threads: one.
// invariants: formatting a script keeps its steps, and formatting it again changes nothing; a run
//   succeeds, or fails with a documented error.
#include "driver/execute/executor.hpp"
#include "driver/language/parser.hpp"
#include "driver/report/deadlock.hpp"
#include "driver/report/summary.hpp"
#include "driver/report/transcript.hpp"

#include "support/finding.hpp"
#include "support/script_mutator.hpp"

using namespace mneme::fuzz;
using namespace mneme::driver;

namespace {

// Whether the heap was the one that a script without one gets.
bool run(std::string_view text, std::size_t default_heap_bytes) {
  Source source(text, "script");
  Parser parser(source, {.default_heap_bytes = default_heap_bytes,
                         .on_warning = [](const Diagnostic& warning) {
                           require(!render(warning).empty(), "a warning has no text");
                         }});
  Executor executor;
  Transcript transcript;
  const auto show = [&](std::span<const Event> events) {
    transcript.each_line(events, executor, [](const TranscriptLine& line) {
      require(!line.result.empty(), "a step has no result");
    });
  };
  bool by_default = false;
  for (Op op; parser.next(op);) {
    const bool makes_heap = op.kind == OpKind::heap || op.kind == OpKind::named_heap;
    if (makes_heap && op.size_bytes > heap_bytes_max) return false;
    if (op.kind == OpKind::extend && op.size_bytes > heap_bytes_max) return by_default;
    by_default = by_default || (op.kind == OpKind::heap && op.synthetic);
    show(executor.step(op));
  }
  show(executor.run_to_end());
  if (executor.tally().waiting_at_end > 0) {
    require(!deadlock_explanation(executor).empty(), "a deadlock has no explanation");
  }
  require(!summary_text(executor.tally(), never_freed(executor)).empty(), "there is no summary");
  executor.take_everything_back();
  return by_default;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text = text_of_bytes(data, size);
  const TextReproducer reproducer(text);
  try {
    check_format(text);
    if (run(text, 1024)) run(text, 0);
  } catch (const ScriptError& error) {
    require(!render(error.diagnostic()).empty(), "an error has no text");
  } catch (const InputError& error) {
    require(*error.what() != '\0', "an error has no text");
  } catch (const Corruption& corruption) {
    stop(corruption.what());
  }
  return 0;
}
