// purpose: buffered standard output, with errors detected.
// layer: report; includes nothing of mneme.
// threads: one owner.
// invariants: all text is written, or an error is reported; nothing is written after an error.
#pragma once

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>

namespace mneme::driver {

/// Standard output cannot be written.
class OutputError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Collects text and writes it in large pieces. Throws OutputError on a closed pipe or a full disk.
/// Without a file, as in fuzzers, everything is formatted but nothing written.
class Output {
 public:
  explicit Output(std::FILE* file) : file_{file} {}
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  template <class... Args>
  void print(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(buffer_), format, std::forward<Args>(args)...);
    if (buffer_.size() >= piece_bytes) flush();
  }

  void flush() {
    if (file_ == nullptr) return buffer_.clear();
    const std::size_t size = buffer_.size();
    const bool good =
        std::fwrite(buffer_.data(), 1, size, file_) == size && std::fflush(file_) == 0;
    buffer_.clear();
    if (!good) throw OutputError(fmt::format("cannot write the output: {}", std::strerror(errno)));
  }

  /// Writes a diagnostic to standard error, after everything printed so far.
  void report(const std::string& text) {
    flush();
    if (file_ != nullptr) std::fputs(text.c_str(), stderr);
  }

 private:
  static constexpr std::size_t piece_bytes = std::size_t{1} << 16U;

  std::FILE* file_;
  fmt::memory_buffer buffer_;
};

}  // namespace mneme::driver
