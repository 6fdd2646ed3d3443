// purpose: shows that every error has a name of its own, for messages.
// layer: tests; includes error.
// threads: none.
// invariants: none.
// RUN: %runner %build/tests/error_test
#include <doctest/doctest.h>

#include <mneme/error.hpp>
#include <set>
#include <string>

using mneme::AllocError;
using mneme::to_string;

TEST_CASE("every error has a name of its own") {
  CHECK(to_string(AllocError::too_large) == std::string("too large"));
  CHECK(to_string(AllocError::bad_alignment) == std::string("bad alignment"));
  CHECK(to_string(AllocError::closed) == std::string("closed"));
  CHECK(to_string(AllocError::cancelled) == std::string("cancelled"));
  CHECK(to_string(AllocError::would_wait) == std::string("would wait"));
  CHECK(to_string(AllocError::region_too_small) == std::string("region too small"));
  CHECK(to_string(AllocError::no_room) == std::string("no room"));
  CHECK(to_string(AllocError::waiters_first) == std::string("waiters first"));
  CHECK(to_string(AllocError::locked) == std::string("locked"));
  CHECK(to_string(AllocError::timed_out) == std::string("timed out"));
}

TEST_CASE("a number that is no error has a name as well") {
  CHECK(to_string(static_cast<AllocError>(200)) == std::string("unknown error"));
}

TEST_CASE("names are known at compile time") {
  static_assert(*to_string(AllocError::closed) == 'c');
  static_assert(sizeof(AllocError) == 1);
}
