// purpose: reads the output of `valgrind --trace-malloc=yes`.
// layer: import; includes import, import_valgrind_line and the standard library.
// threads: one owner.
// invariants: the number of pending calls is bounded, whatever the trace contains.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "importer.hpp"
#include "valgrind_line.hpp"

namespace mneme::driver {

class ValgrindReader final : public TraceReader {
 public:
  /// Without a process number, the process of the first call is imported.
  ValgrindReader(Ledger& ledger, std::optional<std::uint64_t> process)
      : ledger_{ledger}, process_{process}, process_was_given_{process.has_value()} {}

  /// Whether the line begins with Valgrind's prefix, which has the process number.
  [[nodiscard]] static bool recognises(std::string_view text) noexcept;

  [[nodiscard]] LineFit line(std::string_view text) override;
  [[nodiscard]] std::string finish() override;

 private:
  struct Process {
    std::uint64_t number = 0;
    std::uint64_t calls = 0;
  };

  using Call = valgrind_line::Call;
  using CallKind = valgrind_line::CallKind;

  void traced(std::string_view text);
  void count_call_of(std::uint64_t process);
  void end_program();
  [[nodiscard]] std::string others_text() const;
  void calls(std::string_view text);
  void act(Call call, std::optional<std::uint64_t> result);
  void forget_handed_on(const Call& call);
  void free(const Call& call);
  void wait_for_result(Call call);
  void settle(const Call& call, std::uint64_t result);
  void late_result(std::uint64_t result);
  void give_up(const Call& call);

  Ledger& ledger_;
  std::vector<Call> open_;                   // calls without a result so far, oldest first
  std::optional<std::uint64_t> repeatable_;  // a result that may be printed twice
  std::optional<std::uint64_t> process_;     // the one whose calls are imported
  bool process_was_given_ = false;
  bool has_calls_ = false;       // of that process
  std::vector<Process> others_;  // the first few; the calls of all others are counted together
  std::uint64_t other_calls_ = 0;
};

}  // namespace mneme::driver
