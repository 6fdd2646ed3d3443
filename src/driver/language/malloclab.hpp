// purpose: the malloclab trace format: a header of numbers, then `a id size`, `r id size`, `f id`.
// layer: language; includes op and line.
// threads: one owner.
// invariants: each returned step is legal in a script; a line with an error changes nothing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "line.hpp"
#include "op.hpp"

namespace mneme::driver {

inline constexpr std::uint64_t malloclab_heap_bytes = std::uint64_t{64} << 20U;

inline constexpr std::string_view null_id = "-1";  // of the null pointer

/// Whether a script that starts with this line is a malloclab trace: with a number, or with a step,
/// as the dialects without a header do.
[[nodiscard]] bool is_malloclab_line(Line line) noexcept;

/// Whether the line begins with a number, or with the letter of a step.
[[nodiscard]] bool resembles_malloclab_line(Line line) noexcept;

/// The reader of the format, for traces that are run and for those that are imported. It keeps
/// track of live ids, as `r` may be an allocation, a resize or, with size 0, a free.
class MalloclabTrace {
 public:
  using WarningSink = std::function<void(const Diagnostic&)>;

  /// Reads one line, from its first word on. A step is stored in `op`; its name is the id without
  /// leading zeros.
  [[nodiscard]] LineKind parse(Line& line, const Word& first, Op& op, const WarningSink& warn);

  /// Whether the last step was a free that is missing in the trace: the line must be parsed again.
  [[nodiscard]] bool reads_line_again() const noexcept { return reads_line_again_; }

  /// Call it at the end of the input: compares the header with the steps that were read. Throws
  /// ScriptError for an input with no steps and a malformed header.
  void finish(const WarningSink& warn);

 private:
  struct Id {
    Word word;  // without leading zeros
    std::uint64_t number = 0;
    bool is_null = false;  // `f -1`
  };

  void parse_header(Line& line, const Word& first);
  void read_counts() noexcept;
  [[nodiscard]] std::string bad_header() const;
  [[nodiscard]] Id take_id(Line& line, std::string_view form, bool may_be_null) const;
  void check_id(const Line& line, const Id& id, const WarningSink& warn);
  [[nodiscard]] LineKind free(const Line& line, const Id& id, Op& op, const WarningSink& warn);
  [[nodiscard]] LineKind allocate(const Line& line, const Id& id, Op& op, const WarningSink& warn);

  // Heap size, ids, steps, weight; or ids and steps alone; or nothing.
  struct HeaderNumber {
    std::uint64_t number = 0;
    std::uint64_t line = 0;
  };
  std::array<HeaderNumber, 4> header_{};
  std::size_t header_count_ = 0;
  std::string_view file_;
  std::uint64_t last_header_line_ = 0;
  bool has_counts_ = false;  // whether the following two are known
  std::uint64_t ids_announced_ = 0;
  HeaderNumber steps_announced_;
  std::uint64_t step_count_ = 0;
  bool in_steps_ = false;
  bool reads_line_again_ = false;
  bool warned_of_id_ = false;
  std::unordered_map<std::uint64_t, std::uint64_t> live_;  // ids, and the lines that made them live
};

}  // namespace mneme::driver
