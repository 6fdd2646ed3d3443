// purpose: tracks the live blocks of an imported trace: names, steps of the script, peak.
// layer: import; includes diagnostic and the standard library.
// threads: one owner.
// invariants: a key (address or id) is live at most once; each step written is legal in a script.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "driver/language/diagnostic.hpp"

namespace mneme::driver {

/// Receives a line of the script, without its end.
using ScriptSink = std::function<void(std::string_view line)>;

/// Receives a report about a line of the trace. An error means that the line was not understood,
/// and is not in the script; a warning, that it was understood but contradicts earlier lines.
using ReportSink =
    std::function<void(std::uint64_t line, Severity severity, std::string_view message)>;

/// Every line of a trace is counted by at least one of these.
struct ImportSummary {
  std::uint64_t lines = 0;
  std::uint64_t allocations = 0;  // steps written
  std::uint64_t resizes = 0;
  std::uint64_t frees = 0;
  std::uint64_t failures = 0;  // requests that failed in the recorded program; no step
  std::uint64_t null_frees = 0;
  std::uint64_t noise = 0;  // known lines that are not about blocks
  std::uint64_t reports = 0;

  // Sizes of whole blocks, header and rounding included, as `used` counts them.
  std::uint64_t live_bytes = 0;
  std::uint64_t live_blocks = 0;
  std::uint64_t peak_bytes = 0;
  std::uint64_t peak_blocks = 0;  // live when the bytes were at their peak
  std::uint64_t largest_bytes = 0;
  std::uint64_t room_peak_bytes = 0;  // the peak with alignment gaps, and both copies of a move

  [[nodiscard]] std::uint64_t steps() const noexcept { return allocations + resizes + frees; }
};

/// Key 0 is the null pointer everywhere.
class Ledger {
 public:
  Ledger(ScriptSink script, ReportSink report);

  /// From now on it only counts, and writes no steps: another has to.
  void write_no_steps() noexcept { writes_steps_ = false; }

  /// Begins a new line of the trace; the following calls are about it.
  void begin_line() noexcept { ++summary_.lines; }

  /// `align` may be any number; it is rounded up to a power of two, as allocators do.
  void allocate(std::uint64_t key, std::uint64_t size, std::uint64_t align, std::string_view call);
  void release(std::uint64_t key);

  /// Frees all live blocks, with one warning that gives the reason.
  void release_all(std::string_view reason);

  /// realloc as C and glibc define it: a null key allocates, size 0 with a null result frees.
  void resize(std::uint64_t key, std::uint64_t new_key, std::uint64_t size, std::string_view call);

  /// A request that failed in the recorded program: written as a comment in the script.
  void failed(std::string_view call);
  void ignore_line() noexcept { ++summary_.noise; }
  void warn(std::string_view message) { report(Severity::warning, message); }
  void error(std::string_view message) { report(Severity::error, message); }

  [[nodiscard]] bool is_live(std::uint64_t key) const { return live_.contains(key); }
  [[nodiscard]] std::uint64_t line_number() const noexcept { return summary_.lines; }
  [[nodiscard]] const ImportSummary& summary() const noexcept { return summary_; }

 private:
  struct Block {
    std::uint64_t number = 0;  // in its name
    std::uint64_t size = 0;
    std::uint64_t align = 0;
    std::uint64_t line = 0;  // where it was allocated
  };

  using Live = std::unordered_map<std::uint64_t, Block>;

  void report(Severity severity, std::string_view message);
  void write(std::string_view step) {
    if (writes_steps_) script_(step);
  }
  [[nodiscard]] bool plausible(std::uint64_t size, std::uint64_t align, std::string_view call);
  void evict(std::uint64_t key);
  void free_block(Live::iterator at);
  void count_in(const Block& block);
  void count_out(const Block& block);

  ScriptSink script_;
  ReportSink report_;
  Live live_;
  std::uint64_t blocks_named_ = 0;
  bool writes_steps_ = true;
  std::uint64_t room_bytes_ = 0;  // as live_bytes, with alignment gaps
  ImportSummary summary_;
};

}  // namespace mneme::driver
