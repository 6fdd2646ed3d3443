// purpose: `mneme import`: files, exit codes and the summary around a TraceImporter.
// layer: commands; includes import_command, input_file and {fmt}.
// threads: as in the header.
// invariants: as in the header. Memory does not grow with the trace, only with its live blocks.
//
// The heap line comes first in a script, but its size is known last. So the steps are kept in an
// unnamed temporary file meanwhile; this way standard input and files are read alike, and once.
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

#include "input_file.hpp"

namespace mneme::driver {

namespace {

using Chunk = std::array<char, 65'536>;
constexpr std::uint64_t page_bytes = 4'096;

/// What ends an import without a script. `what()` says it all but the name of the input.
class ImportStopped : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

[[noreturn]] void stop(std::string_view what) {
  throw ImportStopped{fmt::format("{}: {}", what, std::strerror(errno))};
}

/// The bytes read; none at the end.
std::size_t read(std::FILE* file, Chunk& chunk, std::string_view failure) {
  if (std::feof(file) != 0) return 0;
  const std::size_t count = std::fread(chunk.data(), 1, chunk.size(), file);
  if (std::ferror(file) != 0) stop(failure);
  return count;
}

void write(std::FILE* file, std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), file) != text.size()) {
    stop("cannot write the script");
  }
}

/// Cuts chunks into lines. Of a line that is too long, it keeps what shows that it is.
class LineSplitter {
 public:
  explicit LineSplitter(TraceImporter& importer) : importer_{importer} {}

  void chunk(std::string_view text) {
    while (!text.empty()) {
      const std::size_t end = text.find('\n');
      if (end == std::string_view::npos) {
        keep(text);
        return;
      }
      if (kept_.empty()) {
        importer_.line(text.substr(0, end));
      } else {
        keep(text.substr(0, end));
        flush();
      }
      text.remove_prefix(end + 1);
    }
  }

  /// The last line may have no end.
  void finish() {
    if (!kept_.empty()) flush();
    importer_.finish();
  }

 private:
  void keep(std::string_view text) {
    kept_.append(text.substr(0, trace_line_length_max + 1 - kept_.size()));
  }

  void flush() {
    importer_.line(kept_);
    kept_.clear();
  }

  TraceImporter& importer_;
  std::string kept_;
};

InputFile open_trace(const std::string& path) {
  InputFile file = open_input(path);
  if (!file) stop("cannot open the trace");
  return file;
}

void read_trace(std::FILE* file, TraceImporter& importer) {
  LineSplitter splitter{importer};
  const auto buffer = std::make_unique<Chunk>();
  while (const std::size_t count = read(file, *buffer, "cannot read the trace")) {
    splitter.chunk({buffer->data(), count});
  }
  splitter.finish();
}

std::string header_text(const TraceImporter& importer, const ImportOptions& options) {
  const ImportSummary& summary = importer.summary();
  const std::uint64_t heap_bytes = options.heap_bytes.value_or(roomy_heap_bytes(summary));
  return fmt::format(
      "# imported from: {}\n"
      "# events: {} ({} allocations, {} resizes, {} frees)\n"
      "# peak: {} bytes in {} blocks\n"
      "# largest: {} bytes; a smaller heap refuses that block\n"
      "# end: {} bytes in {} blocks are never freed\n"
      "heap {} poll=auto\n",
      word_of(importer.format()), summary.steps(), summary.allocations, summary.resizes,
      summary.frees, summary.peak_bytes, summary.peak_blocks, summary.largest_bytes,
      summary.live_bytes, summary.live_blocks, heap_bytes);
}

void write_script(std::FILE* script, std::string_view header, std::FILE* steps) {
  write(script, header);
  if (std::fflush(steps) != 0) stop("cannot write the script");
  if (std::fseek(steps, 0, SEEK_SET) != 0) stop("cannot read back the script");
  const auto buffer = std::make_unique<Chunk>();
  while (const std::size_t count = read(steps, *buffer, "cannot read back the script")) {
    write(script, {buffer->data(), count});
  }
  if (std::fflush(script) != 0) stop("cannot write the script");
}

void print_summary(std::FILE* reports, const std::string& name, const TraceImporter& importer) {
  const ImportSummary& summary = importer.summary();
  fmt::print(reports,
             "{}: {} trace of {} lines: {} events ({} allocations, {} resizes, {} frees)\n"
             "{}: left out: {} frees of null, {} failed requests, {} other known lines\n"
             "{}: reported: {}\n",
             name, word_of(importer.format()), summary.lines, summary.steps(), summary.allocations,
             summary.resizes, summary.frees, name, summary.null_frees, summary.failures,
             summary.noise, name, summary.reports);
}

int import(const ImportOptions& options, const std::string& name, std::FILE* script,
           std::FILE* reports) {
  const InputFile trace = open_trace(options.path);
  const InputFile steps{std::tmpfile()};
  if (!steps) stop("cannot make a temporary file");
  TraceImporter importer{options.format,
                         [&](std::string_view line) {
                           write(steps.get(), line);
                           write(steps.get(), "\n");
                         },
                         [&](std::uint64_t line, Severity severity, std::string_view message) {
                           fmt::print(reports, "{}:{}: {}: {}\n", name, line,
                                      severity == Severity::error ? "error" : "warning", message);
                         }};
  read_trace(trace.get(), importer);
  if (importer.format() == TraceFormat::automatic) {
    throw ImportStopped{"neither a valgrind, an mtrace nor a malloclab trace"};
  }
  write_script(script, header_text(importer, options), steps.get());
  print_summary(reports, name, importer);
  return importer.summary().reports == 0 ? 0 : 1;
}

}  // namespace

std::uint64_t roomy_heap_bytes(const ImportSummary& summary) noexcept {
  // No 64-bit machine has more; this also keeps the product from wrapping.
  constexpr std::uint64_t limit_bytes = std::uint64_t{1} << 62;
  const std::uint64_t twice_bytes = 2 * std::min(summary.room_peak_bytes, limit_bytes / 2);
  const std::uint64_t pages = (twice_bytes + page_bytes - 1) / page_bytes;
  return std::max<std::uint64_t>(pages, 1) * page_bytes;
}

int run_import(const ImportOptions& options, std::FILE* script, std::FILE* reports) {
  const std::string name = options.path == "-" ? "<stdin>" : options.path;
  try {
    return import(options, name, script, reports);
  } catch (const ImportStopped& stopped) {
    fmt::print(reports, "{}: error: {}\n", name, stopped.what());
  } catch (const std::bad_alloc&) {
    fmt::print(reports, "{}: error: the live blocks of the trace do not fit in memory\n", name);
  }
  return 2;
}

}  // namespace mneme::driver
