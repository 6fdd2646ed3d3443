// purpose: formats the expected value, from the step, and the actual one, from the event.
// layer: report; includes expectation.
// threads: as in the header.
// invariants: as in the header.
#include "expectation.hpp"

#include <fmt/format.h>

#include <string_view>

namespace mneme::driver {

namespace {

std::string_view or_nothing(std::string_view name) { return name.empty() ? "nothing" : name; }

std::string key_message(const Op& op, const Event& failed) {
  const Expectation& expected = op.expectations[failed.offset];
  const std::string_view comparison = word_of(expected.comparison);
  return fmt::format("expected {} {}{}{}, got {}", word_of(expected.key), comparison,
                     comparison.empty() ? "" : " ", expected.number, failed.size);
}

std::string queue_message(const Op& op, const Event& failed) {
  std::string_view rest = op.queue_names;
  rest.remove_prefix(failed.column - op.queue_column);
  return fmt::format("expected {} at place {} of the queue, got {}", or_nothing(take_word(rest)),
                     failed.size, or_nothing(failed.name));
}

}  // namespace

std::string expectation_message(const Event& failed) {
  const Op& op = *failed.step;
  switch (op.kind) {
    case OpKind::expect_state:
      return fmt::format("expected {} {}, got {}", op.name, word_of(op.state),
                         word_of(failed.state));
    case OpKind::expect_keys: return key_message(op, failed);
    case OpKind::expect_at:
      if (failed.state != State::granted) {
        return fmt::format("expected {} at {}, but it is {}", op.name, op.size_bytes,
                           word_of(failed.state));
      }
      return fmt::format("expected {} at {}, got {}", op.name, op.size_bytes, failed.offset);
    default: return queue_message(op, failed);
  }
}

Diagnostic expectation_diagnostic(const Event& failed) {
  const Op& op = *failed.step;
  return {Severity::error, std::string(op.file),        op.line,
          failed.column,   expectation_message(failed), std::string(op.source_line)};
}

}  // namespace mneme::driver
