// purpose: turns a trace that a tool recorded into a script, one line at a time.
// layer: import; includes diagnostic, the import readers and the standard library.
// threads: one owner; no global state.
// invariants: linear time; memory in proportion to the live blocks; no line is dropped silently.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "ledger.hpp"

namespace mneme::driver {

/// What recorded the trace. `automatic`: the first line that belongs to one of the formats decides.
enum class TraceFormat : std::uint8_t { automatic, valgrind, mtrace, malloclab };

/// `auto`, `valgrind`, `mtrace` or `malloclab`.
[[nodiscard]] std::optional<TraceFormat> find_trace_format(std::string_view word) noexcept;
[[nodiscard]] std::string_view word_of(TraceFormat format) noexcept;

/// Reads the lines of one format. Each reader lives in a file of its own.
class TraceReader {
 public:
  TraceReader() = default;
  TraceReader(const TraceReader&) = delete;
  TraceReader& operator=(const TraceReader&) = delete;
  virtual ~TraceReader() = default;

  virtual void line(std::string_view text) = 0;
  virtual void finish() = 0;
};

/// A longer line is reported as broken; a path in an mtrace log has at most 4096 bytes.
inline constexpr std::size_t trace_line_length_max = 16'384;

/// Takes a trace line by line, gives script lines (without their `heap` line, which only the end
/// of the trace can size) and reports. Any bytes are fine as input.
class TraceImporter {
 public:
  TraceImporter(TraceFormat format, ScriptSink script, ReportSink report);
  ~TraceImporter();

  /// One line without its end. Only the first `trace_line_length_max + 1` bytes are needed.
  /// Nothing is thrown but what the sinks throw, and std::bad_alloc.
  void line(std::string_view text);

  /// Must be called once, after the last line; nothing may follow.
  void finish();

  [[nodiscard]] const ImportSummary& summary() const noexcept { return ledger_.summary(); }

  /// The format given or detected; `automatic` while no line belonged to any format.
  [[nodiscard]] TraceFormat format() const noexcept { return format_; }

 private:
  void start_reader(TraceFormat format);

  Ledger ledger_;
  TraceFormat format_ = TraceFormat::automatic;
  std::unique_ptr<TraceReader> reader_;
};

}  // namespace mneme::driver
