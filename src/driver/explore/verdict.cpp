// purpose: the verdict, for the tasks of a script.
// layer: explore; includes verdict.
// threads: pure functions.
// invariants: see mneme/testing/verdict.hpp.
#include "verdict.hpp"

namespace mneme::driver {

Verdict judge(const SearchResult& result, const Program& program) {
  std::uint64_t endless = 0;
  for (std::size_t index = 0; index < program.tasks.size(); ++index) {
    if (program.tasks[index].goes_on_forever()) endless |= std::uint64_t{1} << index;
  }
  return testing::judge(result, endless);
}

}  // namespace mneme::driver
