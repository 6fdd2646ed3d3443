// purpose: converts a recorded trace to a script, line by line.
// layer: import; includes diagnostic, the import readers and the standard library.
// threads: one owner; no global state.
// invariants: linear time; memory in proportion to the live blocks; no line is dropped silently.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ledger.hpp"

namespace mneme::driver {

/// The format of a trace. `automatic`: the first line that belongs to a format decides.
enum class TraceFormat : std::uint8_t { automatic, valgrind, mtrace, malloclab, recording };

/// `auto`, `valgrind`, `mtrace`, `malloclab` or `recording`.
[[nodiscard]] std::optional<TraceFormat> find_trace_format(std::string_view word) noexcept;
[[nodiscard]] std::string_view word_of(TraceFormat format) noexcept;

/// The format that the line belongs to; `automatic` if it belongs to none.
[[nodiscard]] TraceFormat detect_trace_format(std::string_view text) noexcept;

struct TraceOptions {
  TraceFormat format = TraceFormat::automatic;
  std::optional<std::uint64_t> process;  // the process to import from a valgrind trace
};

/// Whether a line fits the format. The reader has reported a `broken` line; the caller must report
/// a `foreign` one.
enum class LineFit : std::uint8_t { known, broken, foreign };

/// How the script of a trace begins, if it is not a sequence of steps on a heap of any size.
struct ScriptHead {
  bool has_tasks = false;
  std::optional<std::uint64_t> heap_bytes;   // of the program's heap
  std::optional<std::uint64_t> align_bytes;  // of its blocks
  std::vector<std::string> comments;
};

/// Reads the lines of one format. Each reader has its own file.
class TraceReader {
 public:
  TraceReader() = default;
  TraceReader(const TraceReader&) = delete;
  TraceReader& operator=(const TraceReader&) = delete;
  virtual ~TraceReader() = default;

  /// Takes a line that is neither blank nor a comment.
  [[nodiscard]] virtual LineFit line(std::string_view text) = 0;

  /// The reason why nothing of the trace can be imported; empty if something can.
  [[nodiscard]] virtual std::string finish() = 0;

  /// After finish(): how the script begins.
  [[nodiscard]] virtual ScriptHead head() const { return {}; }
  /// Writes the order of the tasks' steps, or returns false if the trace has none.
  [[nodiscard]] virtual bool write_schedule(const ScriptSink& /*schedule*/) const { return false; }
};

/// Longer lines are reported as broken. A path in an mtrace log has at most 4096 bytes.
inline constexpr std::size_t trace_line_length_max = 16'384;

/// Reads a trace line by line, and produces reports and the lines of a script, except its `heap`
/// line, whose size is only known at the end. Accepts any bytes.
class TraceImporter {
 public:
  TraceImporter(TraceOptions options, ScriptSink script, ReportSink report);
  ~TraceImporter();

  /// One line without its end. Only the first `trace_line_length_max + 1` bytes are needed.
  /// Throws only what the sinks throw, and std::bad_alloc.
  void line(std::string_view text);

  /// Call it once, after the last line. Not needed after a failure.
  void finish();

  /// The reason why there will be no script, after a line or after finish(); empty if there is
  /// none.
  [[nodiscard]] const std::string& failure() const noexcept { return failure_; }

  [[nodiscard]] const ImportSummary& summary() const noexcept { return ledger_.summary(); }

  /// After finish(), if there was no failure.
  [[nodiscard]] ScriptHead head() const { return reader_->head(); }
  [[nodiscard]] bool write_schedule(const ScriptSink& schedule) const {
    return reader_->write_schedule(schedule);
  }

  /// The format that was given or detected; `automatic` as long as no line belongs to a format.
  [[nodiscard]] TraceFormat format() const noexcept { return format_; }

 private:
  void start_reader(TraceFormat format);
  void count_foreign_line();

  ScriptSink script_;
  Ledger ledger_;
  TraceOptions options_;
  TraceFormat format_ = TraceFormat::automatic;
  std::unique_ptr<TraceReader> reader_;
  std::uint64_t known_lines_ = 0;
  std::uint64_t foreign_lines_ = 0;  // including broken ones
  std::string failure_;
};

}  // namespace mneme::driver
