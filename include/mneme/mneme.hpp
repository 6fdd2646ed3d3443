// purpose: everything, for users who do not want to choose.
// layer: L3; includes all.
// threads: see each header.
// invariants: none of its own.
#pragma once

#include "heap.hpp"
