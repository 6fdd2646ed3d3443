// purpose: doctest's own code and main, compiled once for all unit tests of a variant.
// room: tests; includes doctest.
// threads: none.
// invariants: signals are left to the sanitizers, whose reports say more than doctest's.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#define DOCTEST_CONFIG_NO_POSIX_SIGNALS
#include <doctest/doctest.h>
