// purpose: the dump of a recorder as a string.
// layer: tests; includes recorder.
// threads: as Recorder::dump.
// invariants: none.
#pragma once

#include <cstddef>
#include <mneme/recording/recorder.hpp>
#include <string>

namespace tests {

inline std::string dump_of(mneme::Recorder& recorder) {
  std::string dump;
  recorder.dump([&](const char* line, std::size_t size) { dump.append(line, size); });
  return dump;
}

}  // namespace tests
