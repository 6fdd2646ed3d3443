// REQUIRES: full || !valgrind
// RUN: printf 'heap 128\nalloc a 8\nexpect a granted\nexpect a waiting\n' > %t.mn
// RUN: (%mneme run %t.mn 2>&1; [ $? -eq 1 ]) | FileCheck %s --check-prefix=SCRIPT
// RUN: not %runner %this --no-skip 2>&1 | FileCheck %s
// SCRIPT: 3: expect a granted -> ok
// SCRIPT-NOT: 4: {{.*}} -> ok
// CHECK: ERROR: CHECK( doubled(2) == 5 ) is NOT correct!
// CHECK: assertions: 2 | 1 passed | 1 failed
// purpose: shows that scripts and unit tests can fail: a wrong expectation beside a right one.
// layer: tests; includes nothing of mneme.
// threads: none.
// invariants: none but the one broken here.
#include <doctest/doctest.h>

namespace {

int doubled(int number) { return 2 * number; }

TEST_CASE("a wrong expectation" * doctest::skip()) {
  CHECK(doubled(2) == 4);
  CHECK(doubled(2) == 5);
}

}  // namespace
