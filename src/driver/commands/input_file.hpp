// purpose: a file to be read, or standard input, which is not to be closed.
// layer: commands; includes the standard library only.
// threads: one owner.
// invariants: what was opened is closed once.
#pragma once

#include <cstdio>
#include <memory>
#include <string>

namespace mneme::driver {

struct CloseInput {
  void operator()(std::FILE* file) const noexcept {
    if (file != stdin) static_cast<void>(std::fclose(file));
  }
};

using InputFile = std::unique_ptr<std::FILE, CloseInput>;

/// Opens a file, or standard input for `-`. Null if it cannot be opened; errno tells why.
[[nodiscard]] inline InputFile open_input(const std::string& path) {
  return InputFile{path == "-" ? stdin : std::fopen(path.c_str(), "rb")};
}

}  // namespace mneme::driver
