// purpose: `mneme import`: files, exit codes and the summary around a TraceImporter.
// layer: commands; includes import_command, source and {fmt}.
// threads: as in the header.
// invariants: as in the header. Memory does not grow with the trace, only with its live blocks.
//
// The heap line comes first in a script, but its size is known last. So the steps are first written
// to an unnamed temporary file. This way the trace is read only once, which works for standard
// input too.
#include "import_command.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <stdexcept>
#include <string_view>

#include "driver/language/source.hpp"
#include "write_file.hpp"

namespace mneme::driver {

namespace {

using Chunk = std::array<char, 65'536>;
constexpr std::uint64_t page_bytes = 4'096;

/// Ends an import without a script. `what()` is the message without the name of the input.
class ImportStopped : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

[[noreturn]] void stop(std::string_view what) {
  throw ImportStopped{fmt::format("{}: {}", what, std::strerror(errno))};
}

struct CloseFile {
  void operator()(std::FILE* file) const noexcept { static_cast<void>(std::fclose(file)); }
};
using TemporaryFile = std::unique_ptr<std::FILE, CloseFile>;

/// The bytes that were read back; none at the end.
std::size_t read(std::FILE* steps, Chunk& chunk) {
  const std::size_t count = std::fread(chunk.data(), 1, chunk.size(), steps);
  if (std::ferror(steps) != 0) stop("cannot read back the script");
  return count;
}

void write(std::FILE* file, std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), file) != text.size()) {
    stop("cannot write the script");
  }
}

/// Prints reports about single lines, up to a limit.
class Reports {
 public:
  Reports(std::FILE* file, std::string name) : file_{file}, name_{std::move(name)} {}

  void add(std::uint64_t line, Severity severity, std::string_view message) {
    if (++count_ > shown_max) return;
    fmt::print(file_, "{}:{}: {}: {}\n", name_, line,
               severity == Severity::error ? "error" : "warning", message);
  }

  /// `7`, or `700 (the first 50 are shown)`.
  [[nodiscard]] std::string text() const {
    return count_ <= shown_max ? std::to_string(count_)
                               : fmt::format("{} (the first {} are shown)", count_, shown_max);
  }

 private:
  static constexpr std::uint64_t shown_max = 50;

  std::FILE* file_;
  std::string name_;
  std::uint64_t count_ = 0;
};

void read_trace(Source& trace, TraceImporter& importer) {
  std::string_view line;
  while (importer.failure().empty() && trace.next_line(line)) importer.line(line);
  if (importer.failure().empty()) importer.finish();
  if (!importer.failure().empty()) throw ImportStopped{importer.failure()};
}

std::string header_text(const TraceImporter& importer, const ScriptHead& head,
                        const ImportOptions& options) {
  const ImportSummary& summary = importer.summary();
  const std::uint64_t heap_bytes =
      options.heap_bytes.value_or(head.heap_bytes.value_or(roomy_heap_bytes(summary)));
  std::string comments;
  for (const std::string& comment : head.comments) comments += fmt::format("# {}\n", comment);
  return fmt::format(
      "# imported from: {}\n"
      "# events: {} ({} allocations, {} resizes, {} frees)\n"
      "# peak: {} bytes in {} blocks\n"
      "# largest: {} bytes; a smaller heap refuses that block\n"
      "# end: {} bytes in {} blocks are never freed\n"
      "{}heap {}{} align={}\n",
      word_of(importer.format()), summary.steps(), summary.allocations, summary.resizes,
      summary.frees, summary.peak_bytes, summary.peak_blocks, summary.largest_bytes,
      summary.live_bytes, summary.live_blocks, comments, heap_bytes,
      head.has_tasks ? "" : " poll=auto", head.align_bytes.value_or(recorded_align_bytes));
}

void write_script(std::FILE* script, std::string_view header, std::FILE* steps, bool has_tasks) {
  write(script, header);
  if (std::fflush(steps) != 0) stop("cannot write the script");
  if (std::fseek(steps, 0, SEEK_SET) != 0) stop("cannot read back the script");
  const auto buffer = std::make_unique<Chunk>();
  while (const std::size_t count = read(steps, *buffer)) {
    write(script, {buffer->data(), count});
  }
  // Decides the exit code of a run; tasks that wait for ever are a deadlock anyway.
  if (!has_tasks) write(script, "expect refused 0 waiting 0\n");
  if (std::fflush(script) != 0) stop("cannot write the script");
}

/// Written before the script, so that there is none if this fails.
void write_order(const std::string& path, const TraceImporter& importer) {
  std::string text = "# the order of the recording: mneme run --schedule=FILE\n";
  if (!importer.write_schedule([&](std::string_view word) { (text += word) += '\n'; })) {
    throw ImportStopped{fmt::format("--schedule-out was given, but {} traces have no tasks",
                                    word_of(importer.format()))};
  }
  write_file(path, text);
}

void print_summary(std::FILE* file, const std::string& name, const TraceImporter& importer,
                   const Reports& reports) {
  const ImportSummary& summary = importer.summary();
  fmt::print(file,
             "{}: {} trace of {} lines: {} events ({} allocations, {} resizes, {} frees)\n"
             "{}: left out: {} frees of null, {} failed requests, {} other known lines\n"
             "{}: reported: {}\n",
             name, word_of(importer.format()), summary.lines, summary.steps(), summary.allocations,
             summary.resizes, summary.frees, name, summary.null_frees, summary.failures,
             summary.noise, name, reports.text());
}

int import(const ImportOptions& options, Source& trace, std::FILE* script, std::FILE* report_file) {
  const TemporaryFile steps{std::tmpfile()};
  if (!steps) stop("cannot make a temporary file");
  Reports reports{report_file, trace.name()};
  TraceImporter importer{options.trace,
                         [&](std::string_view line) {
                           write(steps.get(), line);
                           write(steps.get(), "\n");
                         },
                         [&](std::uint64_t line, Severity severity, std::string_view message) {
                           reports.add(line, severity, message);
                         }};
  read_trace(trace, importer);
  if (!options.schedule_out.empty()) write_order(options.schedule_out, importer);
  const ScriptHead head = importer.head();
  write_script(script, header_text(importer, head, options), steps.get(), head.has_tasks);
  print_summary(report_file, trace.name(), importer, reports);
  return importer.summary().reports == 0 ? 0 : 1;
}

}  // namespace

std::uint64_t roomy_heap_bytes(const ImportSummary& summary) noexcept {
  // No 64-bit machine has more memory; this also prevents an overflow of the product.
  constexpr std::uint64_t limit_bytes = std::uint64_t{1} << 62;
  const std::uint64_t twice_bytes = 2 * std::min(summary.room_peak_bytes, limit_bytes / 2);
  const std::uint64_t pages = (twice_bytes + page_bytes - 1) / page_bytes;
  return std::max<std::uint64_t>(pages, 1) * page_bytes;
}

int run_import(const ImportOptions& options, std::FILE* script, std::FILE* reports) {
  Source trace = Source::open(options.path, LongLines::cut);
  try {
    return import(options, trace, script, reports);
  } catch (const ImportStopped& stopped) {
    fmt::print(reports, "{}: error: {}\n", trace.name(), stopped.what());
  } catch (const std::bad_alloc&) {
    fmt::print(reports, "{}: error: the live blocks of the trace do not fit in memory\n",
               trace.name());
  }
  return 2;
}

}  // namespace mneme::driver
