// purpose: reads what `valgrind --trace-malloc=yes` prints.
// layer: import; includes import, import_valgrind_line and the standard library.
// threads: one owner.
// invariants: the calls that wait for their results are few, whatever the trace says.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "importer.hpp"
#include "valgrind_line.hpp"

namespace mneme::driver {

class ValgrindReader final : public TraceReader {
 public:
  explicit ValgrindReader(Ledger& ledger) : ledger_{ledger} {}

  /// Whether the line has Valgrind's mark and process number in front.
  [[nodiscard]] static bool recognises(std::string_view text) noexcept;

  void line(std::string_view text) override;
  void finish() override;

 private:
  using Call = valgrind_line::Call;
  using CallKind = valgrind_line::CallKind;

  void traced(std::string_view text);
  void calls(std::string_view text);
  void act(Call call, std::optional<std::uint64_t> result);
  void forget_handed_on(const Call& call);
  void free(const Call& call);
  void wait_for_result(Call call);
  void settle(const Call& call, std::uint64_t result);
  void late_result(std::uint64_t result);
  void give_up(const Call& call);

  Ledger& ledger_;
  std::vector<Call> open_;                   // wait for their results, the oldest first
  std::optional<std::uint64_t> repeatable_;  // a result that may be printed twice
  std::optional<std::uint64_t> process_;     // whose calls are imported
};

}  // namespace mneme::driver
