// purpose: the bytes of a file or of standard input.
// layer: language; includes the standard library; POSIX in input.cpp only.
// threads: one owner.
// invariants: an opened file is closed once; standard input is not closed.
#pragma once

#include <cstddef>
#include <string>

namespace mneme::driver {

class Input {
 public:
  /// Opens a file, or standard input for `-` (called `<stdin>` in diagnostics).
  /// Throws InputError if it cannot be opened.
  [[nodiscard]] static Input open(const std::string& path);

  Input(Input&& other) noexcept;
  Input& operator=(Input&&) = delete;
  ~Input();

  /// Reads at least one byte, and returns the number of bytes; 0 at the end. Throws InputError.
  /// Waits even if the descriptor is nonblocking, and retries if a signal interrupts it.
  [[nodiscard]] std::size_t read_some(char* to, std::size_t size_bytes);

  [[nodiscard]] const std::string& name() const noexcept { return name_; }

 private:
  Input(int descriptor, std::string name);

  std::string name_;
  int descriptor_ = -1;
};

/// The whole content of a file, or of standard input for `-`. Throws InputError.
[[nodiscard]] std::string read_whole(const std::string& path);

}  // namespace mneme::driver
