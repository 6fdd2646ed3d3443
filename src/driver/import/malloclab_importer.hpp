// purpose: reads malloclab traces (.rep).
// layer: import; includes import and the standard library.
// threads: one owner.
// invariants: a header of four numbers comes before the first step.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "importer.hpp"

namespace mneme::driver {

class MalloclabReader final : public TraceReader {
 public:
  explicit MalloclabReader(Ledger& ledger) : ledger_{ledger} {
    ledger_.set_key_kind(Ledger::KeyKind::id);
  }

  /// Whether the line is a number alone, as in the header, or a step.
  [[nodiscard]] static bool recognises(std::string_view text) noexcept;

  [[nodiscard]] bool line(std::string_view text) override;
  [[nodiscard]] std::string finish() override;

 private:
  Ledger& ledger_;
  std::array<std::uint64_t, 4> header_{};
  std::size_t header_count_ = 0;
  bool in_steps_ = false;
  std::uint64_t steps_ = 0;
};

}  // namespace mneme::driver
