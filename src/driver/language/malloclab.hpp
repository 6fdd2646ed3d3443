// purpose: the malloclab trace format: four numbers, then `a id size`, `r id size` and `f id`.
// layer: language; includes op and line.
// threads: one owner.
// invariants: a wrong count in the header is a warning, a line that cannot be read is an error.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string_view>

#include "line.hpp"
#include "op.hpp"

namespace mneme::driver {

inline constexpr std::uint64_t malloclab_heap_bytes = std::uint64_t{64} << 20U;

/// Whether a script that starts with this word is a malloclab trace.
[[nodiscard]] bool is_bare_number(std::string_view word) noexcept;

class MalloclabTrace {
 public:
  using WarningSink = std::function<void(const Diagnostic&)>;

  /// Reads one line, from its first word on. If it is a step, it is then in `op`.
  [[nodiscard]] LineKind parse(Line& line, const Word& first, Op& op, const WarningSink& warn);

  /// At the end of the input: compares what the header announced with what came.
  void finish(const Line& last_line, const WarningSink& warn) const;

 private:
  void parse_header(Line& line, const Word& first);
  void check_id(const Line& line, const Word& id, const WarningSink& warn);

  // Heap size, number of ids, number of operations, weight; only the middle two are used.
  std::array<std::uint64_t, 4> header_{};
  std::size_t header_count_ = 0;
  std::uint64_t ops_announced_line_ = 0;
  std::uint64_t op_count_ = 0;
  bool warned_of_id_ = false;
};

}  // namespace mneme::driver
