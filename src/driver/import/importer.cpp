// purpose: detects the format of a trace, and passes its lines to the reader of that format.
// layer: import; includes import, the import readers and {fmt}.
// threads: one owner.
// invariants: as in the header.
#include "importer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <utility>

#include "malloclab_importer.hpp"
#include "mtrace.hpp"
#include "recording.hpp"
#include "text.hpp"
#include "valgrind.hpp"

namespace mneme::driver {

namespace {

/// The import gives up after this many lines of no known form …
constexpr std::uint64_t foreign_lines_max = 10;
/// … unless this many lines did belong to the trace.
constexpr std::uint64_t foreign_lines_per_known_line = 4;

struct FormatText {
  std::string_view word;
  std::string_view name;
  std::string_view lines;  // examples of its lines
};

constexpr std::array<FormatText, 5> format_texts{{
    {"auto", "any known", ""},
    {"valgrind", "a valgrind", "'--PID-- malloc(24) = 0x4A5D040'"},
    {"mtrace", "an mtrace", "'@ ./a.out:[0x400674] + 0xd506d0 0x64'"},
    {"malloclab", "a malloclab", "'a ID SIZE', 'r ID SIZE' or 'f ID'"},
    {"recording", "a recorded", "'mneme-recording 1 …', then 'alloc …', …"},
}};

const FormatText& about(TraceFormat format) {
  return format_texts[static_cast<std::size_t>(format)];
}

std::string unrecognised(TraceFormat format) {
  if (format != TraceFormat::automatic) {
    return fmt::format("not {} trace; expected {}", about(format).name, about(format).lines);
  }
  std::string text = "unrecognised trace format; expected ";
  for (const FormatText& known : std::span{format_texts}.subspan(1)) {
    const bool is_first = &known == &format_texts[1];
    const bool is_last = &known == &format_texts.back();
    text += fmt::format("{}{} ({})",
                        is_first  ? ""
                        : is_last ? " or "
                                  : ", ",
                        known.word, known.lines);
  }
  return text;
}

bool is_blank_or_comment(std::string_view text) {
  text = import_text::trimmed(text);
  return text.empty() || text.starts_with('#');
}

}  // namespace

std::optional<TraceFormat> find_trace_format(std::string_view word) noexcept {
  const auto at = std::ranges::find(format_texts, word, &FormatText::word);
  if (at == format_texts.end()) return std::nullopt;
  return static_cast<TraceFormat>(at - format_texts.begin());
}

std::string_view word_of(TraceFormat format) noexcept { return about(format).word; }

TraceFormat detect_trace_format(std::string_view text) noexcept {
  if (ValgrindReader::recognises(text)) return TraceFormat::valgrind;
  if (MtraceReader::recognises(text)) return TraceFormat::mtrace;
  if (MalloclabReader::recognises(text)) return TraceFormat::malloclab;
  if (RecordingReader::recognises(text)) return TraceFormat::recording;
  return TraceFormat::automatic;
}

TraceImporter::TraceImporter(TraceOptions options, ScriptSink script, ReportSink report)
    : script_{std::move(script)}, ledger_{script_, std::move(report)}, options_{options} {
  start_reader(options.format);
}

TraceImporter::~TraceImporter() = default;

void TraceImporter::start_reader(TraceFormat format) {
  format_ = format;
  switch (format) {
    case TraceFormat::automatic: break;
    case TraceFormat::valgrind:
      reader_ = std::make_unique<ValgrindReader>(ledger_, options_.process);
      break;
    case TraceFormat::mtrace: reader_ = std::make_unique<MtraceReader>(ledger_); break;
    case TraceFormat::malloclab: reader_ = std::make_unique<MalloclabReader>(ledger_); break;
    case TraceFormat::recording:
      reader_ = std::make_unique<RecordingReader>(ledger_, script_);
      break;
  }
  const bool has_processes = format == TraceFormat::automatic || format == TraceFormat::valgrind;
  if (options_.process && !has_processes) {
    failure_ =
        fmt::format("--process was given, but {} traces have no process numbers", word_of(format));
  }
}

void TraceImporter::line(std::string_view text) {
  ledger_.begin_line();
  const bool is_too_long = text.size() > trace_line_length_max;
  if (!reader_ && !is_too_long) start_reader(detect_trace_format(text));
  if (is_too_long) {
    ledger_.error(
        fmt::format("line is longer than {} bytes: {}", trace_line_length_max, in_quotes(text)));
    count_foreign_line();
  } else if (is_blank_or_comment(text)) {
    ledger_.ignore_line();
  } else {
    const LineFit fit = reader_ ? reader_->line(text) : LineFit::foreign;
    if (fit == LineFit::known) {
      ++known_lines_;
      return;
    }
    if (fit == LineFit::foreign) {
      ledger_.error(
          fmt::format("not a line of {} trace: {}", about(format_).name, in_quotes(text)));
    }
    count_foreign_line();
  }
}

/// Gives up on a file that does not look like a trace. A valgrind log may also contain the output
/// of the program, so there a single line with Valgrind's prefix is enough.
void TraceImporter::count_foreign_line() {
  ++foreign_lines_;
  const std::uint64_t trusted_lines = format_ == TraceFormat::valgrind && known_lines_ > 0
                                          ? UINT64_MAX
                                          : foreign_lines_per_known_line * known_lines_;
  if (foreign_lines_ < foreign_lines_max || foreign_lines_ <= trusted_lines) return;
  failure_ = known_lines_ == 0 ? unrecognised(format_)
                               : fmt::format(
                                     "giving up: {} of the first {} lines are not from {} "
                                     "trace; expected {}",
                                     foreign_lines_, ledger_.line_number(), about(format_).name,
                                     about(format_).lines);
}

void TraceImporter::finish() {
  failure_ = reader_ && known_lines_ > 0 ? reader_->finish() : unrecognised(format_);
}

}  // namespace mneme::driver
