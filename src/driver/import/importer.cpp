// purpose: finds out which format a trace has, and hands its lines to the reader of that format.
// layer: import; includes import, the import readers and {fmt}.
// threads: one owner.
// invariants: as in the header.
#include "importer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "malloclab_importer.hpp"
#include "mtrace.hpp"
#include "text.hpp"
#include "valgrind.hpp"

namespace mneme::driver {

namespace {

constexpr std::array<std::string_view, 4> format_words{"auto", "valgrind", "mtrace", "malloclab"};

TraceFormat detected(std::string_view text) {
  if (ValgrindReader::recognises(text)) return TraceFormat::valgrind;
  if (MtraceReader::recognises(text)) return TraceFormat::mtrace;
  if (MalloclabReader::recognises(text)) return TraceFormat::malloclab;
  return TraceFormat::automatic;
}

}  // namespace

std::optional<TraceFormat> find_trace_format(std::string_view word) noexcept {
  const auto at = std::ranges::find(format_words, word);
  if (at == format_words.end()) return std::nullopt;
  return static_cast<TraceFormat>(at - format_words.begin());
}

std::string_view word_of(TraceFormat format) noexcept {
  return format_words[static_cast<std::size_t>(format)];
}

TraceImporter::TraceImporter(TraceFormat format, ScriptSink script, ReportSink report)
    : ledger_{std::move(script), std::move(report)} {
  start_reader(format);
}

TraceImporter::~TraceImporter() = default;

void TraceImporter::start_reader(TraceFormat format) {
  format_ = format;
  switch (format) {
    case TraceFormat::automatic: break;
    case TraceFormat::valgrind: reader_ = std::make_unique<ValgrindReader>(ledger_); break;
    case TraceFormat::mtrace: reader_ = std::make_unique<MtraceReader>(ledger_); break;
    case TraceFormat::malloclab: reader_ = std::make_unique<MalloclabReader>(ledger_); break;
  }
}

void TraceImporter::line(std::string_view text) {
  ledger_.begin_line();
  if (text.size() > trace_line_length_max) {
    ledger_.error(fmt::format("longer than {} bytes: {}", trace_line_length_max, in_quotes(text)));
    return;
  }
  if (!reader_) start_reader(detected(text));
  if (reader_) {
    reader_->line(text);
  } else if (import_text::trimmed(text).empty()) {
    ledger_.ignore_line();
  } else {
    ledger_.error(fmt::format("not a line of any known trace: {}", in_quotes(text)));
  }
}

void TraceImporter::finish() {
  if (reader_) reader_->finish();
}

}  // namespace mneme::driver
