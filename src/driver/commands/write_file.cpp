// purpose: writes a file, and reports errors.
// layer: commands; includes write_file, diagnostic.
// threads: as in the header.
// invariants: as in the header.
#include "write_file.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "driver/language/diagnostic.hpp"

namespace mneme::driver {

namespace {

[[noreturn]] void fail_to_write(const std::string& path) {
  throw InputError("cannot write " + in_quotes(path) + ": " + std::strerror(errno));
}

}  // namespace

void check_writable(const std::string& path) {
  std::FILE* const there = std::fopen(path.c_str(), "rb");
  if (there != nullptr) (void)std::fclose(there);
  std::FILE* const file = std::fopen(path.c_str(), "ab");
  if (file == nullptr || std::fclose(file) != 0) fail_to_write(path);
  if (there == nullptr) (void)std::remove(path.c_str());
}

void write_file(const std::string& path, std::string_view content) {
  std::FILE* const file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) fail_to_write(path);
  const bool is_written = std::fwrite(content.data(), 1, content.size(), file) == content.size();
  if (std::fclose(file) != 0 || !is_written) fail_to_write(path);
}

void warn_if_cut(const History& history, Output& output) {
  if (!history.is_cut()) return;
  output.report(fmt::format("mneme: warning: only the first {} steps are kept\n", history.steps()));
}

}  // namespace mneme::driver
