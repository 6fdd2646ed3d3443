// purpose: the whole library but for the other raw heaps, in one header.
// layer: L3; includes all.
// threads: see each header.
// invariants: none of its own.
#pragma once

#include "heap.hpp"
