// purpose: the one C++ file of a program in C.
// layer: tests; includes the adapter.
// threads: as the adapter.
// invariants: none.
#include <mneme/adapters/c.hpp>
