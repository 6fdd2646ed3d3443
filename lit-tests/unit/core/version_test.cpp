// purpose: shows that the version's text and its number say the same.
// layer: tests; includes version.
// threads: none.
// invariants: none.
// RUN: %runner %build/tests/version_test
#include <doctest/doctest.h>

#include <mneme/version.hpp>
#include <string>

TEST_CASE("the version as text and as a number are made of the same parts") {
  CHECK(std::string(mneme::version_text) == std::to_string(MNEME_VERSION / 10000) + '.' +
                                                std::to_string(MNEME_VERSION / 100 % 100) + '.' +
                                                std::to_string(MNEME_VERSION % 100));
}
