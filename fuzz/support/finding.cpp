// purpose: the last words of a run, whoever ends it.
// layer: fuzz; includes L0 and the sanitizers' hooks.
// threads: as in the header.
// invariants: as in the header.
#include "finding.hpp"

#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <mneme/check.hpp>
#include <string>
#include <thread>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MNEME_FUZZ_ASAN 1
#include <sanitizer/asan_interface.h>
#endif
#endif

namespace mneme::fuzz {

namespace {

std::atomic<const Reproducer*> current = nullptr;
std::atomic<std::thread::id> teller;

// Reports once only, since formatting the report may itself crash. Returns the text it wrote.
std::string tell_finding(const char* what) {
  const Reproducer* const reproducer = current.exchange(nullptr);
  if (reproducer == nullptr) return {};
  teller = std::this_thread::get_id();
  // Any bytes may be a reproducer, and the mark behind them begins a line.
  std::string text = reproducer->text();
  if (!text.empty() && text.back() != '\n') text += '\n';
  text = "== finding: " + std::string(what) + '\n' + text + "== end\n";
  std::fwrite(text.data(), 1, text.size(), stderr);
  return text;
}

// The same for what may not show again, as threads may not meet so again: libFuzzer's fork mode
// throws away what its jobs say. A sanitizer writes a file of its own.
void tell_and_keep(const char* what) {
  const std::string text = tell_finding(what);
  const char* const folder =
      std::getenv("MNEME_REPORTS");  // NOLINT(concurrency-mt-unsafe): it ends
  if (folder == nullptr || text.empty()) return;
  const std::string file = std::string(folder) + "/finding." + std::to_string(::getpid());
  const std::string half = file + ".half";
  if (std::FILE* const out = std::fopen(half.c_str(), "w")) {
    std::fwrite(text.data(), 1, text.size(), out);
    if (std::fclose(out) == 0) (void)std::rename(half.c_str(), file.c_str());
  }
}

// Whoever comes second waits for the end that the first brings about.
[[noreturn]] void end_run(const char* what) {
  tell_and_keep(what);
  const std::thread::id other = teller;
  while (other != std::thread::id() && other != std::this_thread::get_id()) ::pause();
  std::abort();
}

#ifdef MNEME_FUZZ_ASAN
// The first line of a report that says what it is.
void on_asan_report(const char* report) {
  const std::string text = report;
  const std::size_t start = text.find("AddressSanitizer: ");
  const std::size_t end = text.find_first_of("\n(", start == std::string::npos ? 0 : start);
  tell_finding(text.substr(start == std::string::npos ? 0 : start, end - start).c_str());
}
#endif

void on_fatal_line(const char* line) noexcept { end_run(line); }

}  // namespace

Reproducer::Reproducer() {
  set_fatal_handler(&on_fatal_line);
#ifdef MNEME_FUZZ_ASAN
  __asan_set_error_report_callback(&on_asan_report);
#endif
  tell();
}

Reproducer::~Reproducer() {
  if (current == this) current = nullptr;
}

void Reproducer::tell() const noexcept { current = this; }

void stop(const std::string& what) { end_run(what.c_str()); }

}  // namespace mneme::fuzz

// Hooks of the sanitizers' runtimes, called at a report.
// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming,misc-use-internal-linkage)
extern "C" void __ubsan_on_report();
extern "C" void __ubsan_on_report() {
  mneme::fuzz::tell_finding("UndefinedBehaviorSanitizer: see the report");
}
extern "C" void __tsan_on_report(void* report);
extern "C" void __tsan_on_report(void* /*report*/) {
  mneme::fuzz::tell_finding("ThreadSanitizer: see the report");
}
// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming,misc-use-internal-linkage)
