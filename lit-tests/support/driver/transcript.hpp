// purpose: the transcript of a script, for unit tests of single steps.
// layer: tests; includes the driver, doctest.
// threads: one.
// invariants: a transcript has no line numbers, so that scripts can be compared.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "driver/execute/executor.hpp"
#include "driver/language/diagnostic.hpp"
#include "driver/language/parser.hpp"
#include "driver/report/deadlock.hpp"
#include "driver/report/summary.hpp"
#include "driver/report/transcript.hpp"

namespace tests {

/// The transcript of a script, with its summary if asked for; steps that make no sense are skipped,
/// and counted.
inline std::string transcript_of(std::string_view script, int* skipped = nullptr,
                                 bool with_summary = false) {
  using namespace mneme::driver;
  Source source(script, "test.mn");
  Parser parser(source, {});
  Executor executor;
  Transcript transcript;
  std::string text;
  const auto add = [&](std::span<const Event> events) {
    transcript.each_line(events, executor, [&](const TranscriptLine& line) {
      const std::size_t number = line.head.find_first_not_of("0123456789");
      text += line.head.substr(line.head.substr(number).starts_with(": ") ? number + 2 : 0);
      text += std::string(line.result) + "\n" + std::string(line.below);
    });
  };
  for (Op op; parser.next(op);) {
    try {
      add(executor.step(op));
    } catch (const ScriptError&) {
      if (skipped != nullptr) ++*skipped;
    }
  }
  add(executor.run_to_end());
  if (executor.tally().waiting_at_end > 0) text += deadlock_explanation(executor);
  const std::string left = never_freed(executor);
  executor.take_everything_back();
  if (with_summary) text += summary_text(executor.tally(), left);
  return text;
}

}  // namespace tests
