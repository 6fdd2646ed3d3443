// purpose: turns lines into steps: of scripts, by the language table, and of malloclab traces.
// layer: language; includes op, language, line, malloclab.
// threads: one owner.
// invariants: the first step is a heap; every error is a ScriptError at the exact argument.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "command_table.hpp"
#include "line.hpp"
#include "malloclab.hpp"
#include "op.hpp"
#include "source.hpp"

namespace mneme::driver {

struct ParserOptions {
  /// If not 0: the size of the heap for a script without a heap line, which is an error otherwise,
  /// and for a malloclab trace, which gets 64M otherwise. Ignored if there is a heap line.
  std::uint64_t default_heap_bytes = 0;

  /// Receives warnings about a malloclab trace. May be empty.
  std::function<void(const Diagnostic&)> on_warning = {};
};

/// Gives a heap step the raw heap of a command line, such as `pool:64`, which lives as long as the
/// step. Throws a ScriptError.
void set_raw_heap(Op& op, std::string_view text);
/// The same for the policy of its queue, such as `overtaking:2`.
void set_queue(Op& op, std::string_view text);

class Parser {
 public:
  explicit Parser(Source& source, ParserOptions options = {});

  /// The next step; false at the end. Throws ScriptError, or InputError if reading fails.
  [[nodiscard]] bool next(Op& op);

  /// As next(), but returns for every line, even blank ones, and once for a synthetic heap.
  [[nodiscard]] bool next_line(Op& op, LineContent& content);

  /// Known after the first line that is not blank.
  [[nodiscard]] bool is_malloclab() const noexcept { return malloclab_.has_value(); }

 private:
  [[nodiscard]] bool begin_line();
  void parse_line(Op& op, LineContent& content);
  [[nodiscard]] bool parse_plainly(Op& op) const;
  void parse_command(Op& op, const Word& keyword);
  void check_blocks(const Op& op, const Word& keyword);
  void check_is_in_task(const Op& op) const;
  void check_heap_comes_first(const Op& op, const Word& keyword);
  void add_heap(Op& op);
  void find_heap(Op& op, const Word& word);
  void parse_options(Op& op, const Command& command);
  void give_synthetic_heap(Op& op, std::uint64_t size_bytes, PollMode poll_mode);
  void read_line_again() noexcept;
  void start_op(Op& op) const;

  /// A block without its `end` so far, and the error if that never comes.
  struct Block {
    OpKind kind{};
    Diagnostic unfinished;
  };

  Source& source_;
  ParserOptions options_;
  Line line_;
  std::optional<MalloclabTrace> malloclab_;
  std::uint64_t heap_line_ = 0;  // 0: no heap yet
  std::uint64_t heap_align_bytes_ = default_align_bytes;
  /// A heap beside the first one.
  struct NamedHeap {
    std::string name;
    std::uint64_t align_bytes = 0;
  };

  std::deque<NamedHeap> heaps_;
  std::vector<Block> blocks_;     // the outermost first
  bool line_is_pending_ = false;  // a synthetic step was returned before the line's own
};

}  // namespace mneme::driver
