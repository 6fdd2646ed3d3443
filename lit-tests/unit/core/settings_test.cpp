// purpose: shows that the library's names state the settings of the build.
// layer: tests; includes mneme.
// threads: one.
// invariants: none.
// RUN: %runner %build/tests/settings_test
#include <doctest/doctest.h>

#include <mneme/mneme.hpp>
#include <string>
#include <typeinfo>

namespace {

/// What is mangled into every name of the library.
[[nodiscard]] std::string settings_by_macro() {
  std::string name = mneme::checks_enabled ? "checked_1" : "checked_0";
  name += mneme::Stats::enabled ? "_stats_1" : "_stats_0";
#if defined(MNEME_ASAN)
  name += "_asan";
#elif defined(MNEME_MSAN)
  name += "_msan";
#elif defined(MNEME_TYSAN)
  name += "_tysan";
#elif defined(MNEME_VALGRIND)
  name += "_valgrind";
#endif
  return std::to_string(name.size()) + name;  // as names are mangled, with their length
}

TEST_CASE("the names of the library state its settings, and the tool that watches memory") {
  const std::string mangled = typeid(mneme::Heap).name();
  CAPTURE(mangled);
  CHECK(mangled.find(settings_by_macro()) != std::string::npos);
}

}  // namespace
