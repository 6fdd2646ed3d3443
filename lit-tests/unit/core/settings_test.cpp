// purpose: shows that the library's names state the settings of the build.
// layer: tests; includes mneme.
// threads: one.
// invariants: none.
// RUN: %runner %build/tests/settings_test
#include <doctest/doctest.h>

#include <mneme/mneme.hpp>
#include <string>

namespace {

template <class T>
[[nodiscard]] std::string name_of() {
  return __PRETTY_FUNCTION__;
}

TEST_CASE("the namespace of a heap states checks and statistics") {
  const std::string name = name_of<mneme::Heap>();
  CHECK(name.find(mneme::checks_enabled ? "checked_1_" : "checked_0_") != std::string::npos);
  CHECK(name.find(mneme::Stats::enabled ? "_stats_1" : "_stats_0") != std::string::npos);
}

TEST_CASE("the namespace of a heap states the tool that watches its memory") {
  const std::string name = name_of<mneme::Heap>();
#if defined(MNEME_ASAN)
  CHECK(name.find("_asan::") != std::string::npos);
#elif defined(MNEME_MSAN)
  CHECK(name.find("_msan::") != std::string::npos);
#elif defined(MNEME_TYSAN)
  CHECK(name.find("_tysan::") != std::string::npos);
#elif defined(MNEME_VALGRIND)
  CHECK(name.find("_valgrind::") != std::string::npos);
#else
  CHECK(name.find("_stats_1::") != std::string::npos);
#endif
}

}  // namespace
