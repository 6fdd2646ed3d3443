// purpose: what an exploration of C++ tasks comes to, in a test's words.
// layer: testing; includes verdict.
// threads: plain data.
// invariants: none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <map>
#include <optional>
#include <ostream>
#include <source_location>
#include <string>
#include <vector>

#include "../settings.hpp"
#include "verdict.hpp"

namespace mneme::inline MNEME_SETTINGS::testing {

enum class AnswerKind : std::uint8_t {
  safe,          // no order of steps deadlocks, and nothing else was found
  deadlock,      // some request for memory can never be granted any more
  stuck,         // a task waits for a semaphore or a mailbox for ever
  violation,     // a task's `require` failed
  exception,     // a task ended by an exception
  leak,          // a block that nothing owns was left
  unrepeatable,  // the same schedule led to another state
  hidden_state,  // two schedules led to one state, and went on differently
  too_large,     // smallest_heap: a request is larger than the empty heap
  not_decided    // a limit was reached
};

/// Of an exploration; `std::cout << answer` explains it.
struct Answer {
  AnswerKind kind = AnswerKind::not_decided;
  std::size_t states = 0;
  std::size_t transitions = 0;
  std::size_t depth = 0;       // steps of the longest path that was taken
  std::size_t bad_states = 0;  // in which nothing helps
  std::size_t audited = 0;     // times that a state reached in two ways was continued in both
  std::string schedule;        // to what was found, on a shortest way: `imu*3 camera uplink`
  std::size_t steps = 0;       // of it
  std::optional<std::size_t> no_return;  // see Verdict
  std::optional<Shares> shares;          // see Verdict
  std::size_t growth = no_growth;  // the heap has to grow by so much for anything to be otherwise
  bool is_coarse = false;          // some coroutines are no Tasks: switched at requests only
  std::string text;

  [[nodiscard]] bool safe() const { return kind == AnswerKind::safe; }

  friend std::ostream& operator<<(std::ostream& to, const Answer& answer) {
    return to << answer.text;
  }
};

/// Lines of source files, as far as they can be read.
class SourceLines {
 public:
  /// `sensors.hpp:37: auto packet = co_await heap.make<Packet>();`, or without the line's text, or
  /// nothing for no location.
  [[nodiscard]] std::string at(const std::source_location& where) {
    if (where.line() == 0) return {};
    const std::string text = line_of(where.file_name(), where.line());
    return place(where) + (text.empty() ? "" : ": " + text);
  }
  [[nodiscard]] static std::string place(const std::source_location& where) {
    const std::string path = where.file_name();
    return path.substr(path.rfind('/') + 1) + ':' + std::to_string(where.line());
  }

 private:
  std::string line_of(const std::string& path, std::size_t number) {
    auto [file, is_new] = files_.try_emplace(path);
    if (is_new) {
      std::ifstream from{path};
      for (std::string line; std::getline(from, line);) file->second.push_back(line);
    }
    if (number > file->second.size()) return {};
    const std::string& line = file->second[number - 1];
    const std::size_t first = line.find_first_not_of(" \t");
    return first == std::string::npos ? "" : line.substr(first);
  }

  std::map<std::string, std::vector<std::string>> files_;
};

}  // namespace mneme::inline MNEME_SETTINGS::testing
