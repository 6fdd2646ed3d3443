// purpose: passes the steps of malloclab traces (.rep) to the ledger.
// layer: import; includes import and malloclab.
// threads: one owner.
// invariants: the steps are those that `mneme run` carries out.
#pragma once

#include <string>
#include <string_view>

#include "driver/language/malloclab.hpp"
#include "importer.hpp"

namespace mneme::driver {

class MalloclabReader final : public TraceReader {
 public:
  explicit MalloclabReader(Ledger& ledger) : ledger_{ledger} {}

  /// Whether the line is a number, as in the header, or a step.
  [[nodiscard]] static bool recognises(std::string_view text) noexcept;

  [[nodiscard]] LineFit line(std::string_view text) override;
  [[nodiscard]] std::string finish() override;

 private:
  void parse(std::string_view text);
  void act(const Op& op, std::string_view text);

  Ledger& ledger_;
  MalloclabTrace trace_;
};

}  // namespace mneme::driver
