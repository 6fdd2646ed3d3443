// purpose: imports malloclab traces, with the reader that `mneme run` uses.
// layer: import; includes import_malloclab, import_text and {fmt}.
// threads: one owner.
// invariants: as in the header.
#include "malloclab_importer.hpp"

#include <fmt/format.h>

#include "text.hpp"

namespace mneme::driver {

bool MalloclabReader::recognises(std::string_view text) noexcept {
  return is_malloclab_line({import_text::trimmed(text), {}, 0});
}

LineFit MalloclabReader::line(std::string_view text) {
  text = import_text::trimmed(text);
  if (!resembles_malloclab_line({text, {}, 0})) return LineFit::foreign;
  try {
    parse(text);
    return LineFit::known;
  } catch (const ScriptError& error) {
    ledger_.error(fmt::format("{}: {}", error.what(), in_quotes(text)));
    return LineFit::broken;
  }
}

void MalloclabReader::parse(std::string_view text) {
  Line line{text, {}, ledger_.line_number()};
  const auto warn = [&](const Diagnostic& warning) { ledger_.warn(warning.message); };
  do {
    line.rewind();
    Op op;
    const Word first = line.next_word();
    switch (trace_.parse(line, first, op, warn)) {
      case LineKind::op: act(op, text); break;
      case LineKind::null_free:
        if (op.name == null_id) ledger_.release(0);
        break;
      default: ledger_.ignore_line(); break;
    }
  } while (trace_.reads_line_again());
}

void MalloclabReader::act(const Op& op, std::string_view text) {
  // Key 0 is the null pointer, but id 0 is an ordinary id.
  const std::uint64_t key = import_text::whole_number(op.name).value_or(0) + 1;
  // The block was too large and has been reported; the later steps of this id are skipped as well.
  if (op.kind != OpKind::alloc && !ledger_.is_live(key)) return;
  switch (op.kind) {
    case OpKind::alloc: ledger_.allocate(key, op.size_bytes, 0, text); break;
    case OpKind::resize: ledger_.resize(key, key, op.size_bytes, text); break;
    default: ledger_.release(key); break;
  }
}

std::string MalloclabReader::finish() {
  try {
    trace_.finish([&](const Diagnostic& warning) { ledger_.warn(warning.message); });
    return {};
  } catch (const ScriptError& error) {
    return error.what();
  }
}

}  // namespace mneme::driver
