// purpose: what the driver tells of a script, for unit tests of single steps.
// layer: tests; includes the driver, doctest.
// threads: one.
// invariants: a transcript is without the numbers of lines, so that scripts can be compared.
#pragma once

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include "driver/execute/executor.hpp"
#include "driver/language/diagnostic.hpp"
#include "driver/language/parser.hpp"

namespace tests {

/// The transcript of a script, with its summary if asked for; steps that make no sense are skipped,
/// and counted.
inline std::string transcript_of(std::string_view script, int* skipped = nullptr,
                                 bool with_summary = false) {
  using namespace mneme::driver;
  const auto close = [](std::FILE* file) { (void)std::fclose(file); };
  const std::unique_ptr<std::FILE, decltype(close)> file(std::tmpfile(), close);
  REQUIRE(file != nullptr);
  Output output{file.get()};
  Source source(script, "test.mn");
  Parser parser(source, {});
  Executor executor(output, {});
  Op op;
  while (parser.next(op)) {
    try {
      executor.step(op);
    } catch (const ScriptError&) {
      if (skipped != nullptr) ++*skipped;
    }
  }
  executor.finish();
  if (with_summary) executor.print_summary();
  output.flush();
  REQUIRE(std::fseek(file.get(), 0, SEEK_SET) == 0);
  std::string text;
  std::array<char, 256> line{};
  while (std::fgets(line.data(), line.size(), file.get()) != nullptr) {
    const std::string_view told = line.data();
    const std::size_t number = told.find_first_not_of("0123456789");
    text += told.substr(told.substr(number).starts_with(": ") ? number + 2 : 0);
  }
  return text;
}

}  // namespace tests
