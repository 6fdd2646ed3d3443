// purpose: shows that the library's names state the settings of the build.
// layer: tests; includes mneme.
// threads: one.
// invariants: none.
// RUN: %runner %build/tests/settings_test
#include <doctest/doctest.h>

#include <mneme/mneme.hpp>
#include <string>
#include <type_traits>
#include <typeinfo>
#include <utility>

namespace {

/// What is mangled into every name of the library.
[[nodiscard]] std::string settings_by_macro() {
  std::string name = "checked_" + std::to_string(MNEME_CHECKED);
  if (MNEME_QUARANTINE > 0) name += "_quarantine_" + std::to_string(MNEME_QUARANTINE);
  name += "_stats_" + std::to_string(MNEME_STATS);
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

TEST_CASE("what the settings switch on") {
  CHECK(mneme::checks_enabled == (MNEME_CHECKED > 0));
  CHECK(mneme::is_hardened == (MNEME_CHECKED == 2));
  using Raw = std::remove_cvref_t<decltype(std::declval<mneme::Heap&>().raw())>;
  CHECK(std::is_same_v<Raw, mneme::DefaultRaw> == (MNEME_QUARANTINE == 0));
}

TEST_CASE("the names of the library state its settings, and the tool that watches memory") {
  const std::string mangled = typeid(mneme::Heap).name();
  CAPTURE(mangled);
  CHECK(mangled.find(settings_by_macro()) != std::string::npos);
}

}  // namespace
