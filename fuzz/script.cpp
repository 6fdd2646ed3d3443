// purpose: any text through parser, formatter and executor, as `mneme run` does it.
// room: fuzz; includes the driver's front end and executor.
// threads: one.
// invariants: a script that parses is formatted to one with the same steps, and formatted twice
//   it stays as it is; a run ends well, or with one of the errors that it may have.
#include <driver/executor.hpp>
#include <driver/format_script.hpp>
#include <driver/parser.hpp>

#include "shared/finding.hpp"
#include "shared/script_mutator.hpp"

using namespace mneme::fuzz;
using namespace mneme::driver;

namespace {

std::string formatted(std::string_view text) {
  Source source(text, "script");
  return format_script(source);
}

void run(std::string_view text) {
  Source source(text, "script");
  Parser parser(source, {.default_heap_bytes = text.size() % 4 == 3 ? 0 : 1024U,
                         .on_warning = [](const Diagnostic& warning) {
                           require(!render(warning).empty(), "a warning has no text");
                         }});
  Output output{nullptr};
  Executor executor(output, {.keep_going = true});
  Op op;
  while (parser.next(op)) {
    if (op.kind == OpKind::heap && op.size_bytes > heap_bytes_max) return;
    executor.step(op);
  }
  executor.finish();
  executor.print_summary();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text = text_of_bytes(data, size);
  const TextStory story(text);
  try {
    const std::string once = formatted(text);
    require(formatted(once) == once, "formatting twice changes a script");
    bool of_trace = false;
    const auto steps = steps_of(text, of_trace);
    require(steps_of(once, of_trace) == steps, "formatting changes the steps");
    run(text);
  } catch (const ScriptError& error) {
    require(!render(error.diagnostic()).empty(), "an error has no text");
  } catch (const Corruption& corruption) {
    stop(corruption.what());
  }
  return 0;
}
