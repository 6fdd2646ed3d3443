// purpose: checks of options that CLI11 does not have.
// layer: commands; includes line, driver_heap; CLI11.
// threads: pure functions.
// invariants: a message says what is allowed.
#pragma once

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "driver/execute/driver_heap.hpp"
#include "driver/language/diagnostic.hpp"
#include "driver/language/line.hpp"
#include "driver/language/parser.hpp"

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

/// A row of the table, with its number if it has one.
template <class Table>
CLI::Validator raw_heap_validator() {
  const std::vector<std::string> forms = raw_heap_forms<Table>();
  return {[forms](const std::string& text) {
            try {
              Op op;
              set_raw_heap(op, text);
              const auto row = Table::find(op.raw);
              if (!row) return unknown_raw_heap(op.raw, forms);
              return wrong_form(*row, op.raw_bytes.has_value()).value_or("");
            } catch (const ScriptError& error) {
              return std::string(error.what());
            }
          },
          fmt::format("{}", fmt::join(forms, "|"))};
}

/// A policy of a queue, with its number if it has one.
inline CLI::Validator queue_validator() {
  return {[](const std::string& text) {
            try {
              Op op;
              set_queue(op, text);
              const auto found = find_queue(op.queue, op.queue_number);
              const auto* const error = std::get_if<QueueError>(&found);
              return error == nullptr ? std::string() : error->message;
            } catch (const ScriptError& error) {
              return std::string(error.what());
            }
          },
          "POLICY"};
}

}  // namespace mneme::driver
