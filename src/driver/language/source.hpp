// purpose: lines of a script, streamed from a file, from standard input or from memory.
// layer: language; includes diagnostic and the standard library; POSIX in source.cpp only.
// threads: one owner.
// invariants: memory is bounded by two line lengths; a line is valid until the next is asked for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace mneme::driver {

inline constexpr std::size_t line_length_max = 65'536;

class Source {
 public:
  /// Opens a file, or standard input for `-` (called `<stdin>` in diagnostics).
  /// Throws InputError if it cannot be opened.
  [[nodiscard]] static Source open(const std::string& path);

  /// Reads from memory, which must outlive the source.
  Source(std::string_view text, std::string name);

  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  ~Source();

  /// The next line without its end (LF or CRLF; the last line needs none). False at the end.
  /// Throws ScriptError for a line longer than `line_length_max`, InputError if reading fails.
  [[nodiscard]] bool next_line(std::string_view& line);

  /// The number of the line last given, from 1.
  [[nodiscard]] std::uint64_t line_number() const noexcept { return line_number_; }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

 private:
  Source(int descriptor, bool owns_descriptor, std::string name);

  void refill();
  [[noreturn]] void fail_too_long() const;

  std::string name_;
  std::unique_ptr<char[]> buffer_;  // none when reading from memory
  const char* cursor_ = nullptr;    // what is not yet given: [cursor_, limit_)
  const char* limit_ = nullptr;
  std::uint64_t line_number_ = 0;
  int descriptor_ = -1;
  bool owns_descriptor_ = false;
  bool at_end_ = false;  // nothing more to read behind limit_
};

}  // namespace mneme::driver
