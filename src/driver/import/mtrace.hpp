// purpose: reads the log that glibc's mtrace() writes.
// layer: import; includes import and the standard library.
// threads: one owner.
// invariants: `<` is kept only until the line after it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "importer.hpp"

namespace mneme::driver {

class MtraceReader final : public TraceReader {
 public:
  explicit MtraceReader(Ledger& ledger) : ledger_{ledger} {}

  /// Whether the line belongs to the format: `= Start`, or a complete step.
  [[nodiscard]] static bool recognises(std::string_view text) noexcept;

  [[nodiscard]] LineFit line(std::string_view text) override;
  [[nodiscard]] std::string finish() override;

 private:
  struct Moving {
    std::uint64_t key = 0;
    std::uint64_t line = 0;
  };

  void give_up(const Moving& moving);

  Ledger& ledger_;
  std::optional<Moving> moving_;  // a `<` that is still waiting for its `>`
};

}  // namespace mneme::driver
