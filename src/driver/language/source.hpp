// purpose: lines of text, streamed from a file, from standard input or from memory.
// layer: language; includes input and the standard library.
// threads: one owner.
// invariants: memory is bounded by two line lengths; a line is valid until the next is read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "input.hpp"

namespace mneme::driver {

inline constexpr std::size_t line_length_max = 65'536;

/// The treatment of a line of more than `line_length_max` bytes: `refuse` throws a ScriptError,
/// `cut` truncates it to `line_length_max + 1` bytes.
enum class LongLines : std::uint8_t { refuse, cut };

/// The lines of a text. They end with LF or CRLF, which the last one may lack; or with CR, if the
/// first one does. A byte order mark of UTF-8 is skipped.
class Source {
 public:
  /// Opens a file, or standard input for `-` (called `<stdin>` in diagnostics).
  /// Throws InputError if it cannot be opened.
  [[nodiscard]] static Source open(const std::string& path,
                                   LongLines long_lines = LongLines::refuse);

  /// Reads from memory, which must outlive the source.
  Source(std::string_view text, std::string name);

  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  ~Source() = default;

  /// Reads the next line, without its end; returns false after the last. Throws InputError if
  /// reading fails, or if the input is not text.
  [[nodiscard]] bool next_line(std::string_view& line);

  /// The number of the last line that was read, from 1.
  [[nodiscard]] std::uint64_t line_number() const noexcept { return line_number_; }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

 private:
  Source(Input input, LongLines long_lines);

  [[nodiscard]] bool next_unusual_line(std::string_view& line);
  void start();
  void refill();
  [[nodiscard]] const char* find_end(std::size_t size_bytes);
  void skip_line();
  [[noreturn]] void fail_too_long() const;

  std::optional<Input> input_;  // none when reading from memory
  std::string name_;
  std::unique_ptr<char[]> buffer_;
  const char* cursor_ = nullptr;  // the bytes not yet returned are [cursor_, limit_)
  const char* limit_ = nullptr;
  std::uint64_t line_number_ = 0;
  LongLines long_lines_ = LongLines::refuse;
  bool started_ = false;
  bool skips_line_ = false;
  bool ends_with_cr_ = false;
  bool at_end_ = false;  // nothing more to read behind limit_
};

}  // namespace mneme::driver
