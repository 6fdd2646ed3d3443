// purpose: what a search of a script's tasks comes to.
// layer: explore; includes search, testing.
// threads: pure functions.
// invariants: see mneme/testing/verdict.hpp.
#pragma once

#include <mneme/testing/verdict.hpp>

#include "search.hpp"

namespace mneme::driver {

using testing::Shares;
using testing::Verdict;
using testing::VerdictKind;

[[nodiscard]] Verdict judge(const SearchResult& result, const Program& program);

}  // namespace mneme::driver
