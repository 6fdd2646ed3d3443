// purpose: checks of options that CLI11 does not have.
// layer: commands; includes line, driver_heap; CLI11.
// threads: pure functions.
// invariants: a message says what is allowed.
#pragma once

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <string>

#include "driver/execute/driver_heap.hpp"
#include "driver/language/diagnostic.hpp"
#include "driver/language/line.hpp"

namespace mneme::driver {

/// Sizes on the command line are written as in scripts.
inline CLI::Validator size_validator() {
  return {[](std::string& text) {
            try {
              text = std::to_string(Line{}.size({.text = text}, "SIZE"));
              return std::string();
            } catch (const ScriptError& error) {
              return std::string(error.what());
            }
          },
          "SIZE"};
}

inline CLI::Validator raw_heap_validator() {
  return {[](const std::string& name) {
            return mneme::RawHeaps::find(name) ? std::string() : unknown_raw_heap(name);
          },
          fmt::format("{}", fmt::join(mneme::RawHeaps::names, "|"))};
}

}  // namespace mneme::driver
