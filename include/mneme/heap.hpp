// purpose: the heap, and all types that its members return.
// layer: L3; includes all.
// threads: see each header.
// invariants: none of its own.
#pragma once

#include "arc.hpp"
#include "array.hpp"
#include "basic_heap.hpp"
#include "box.hpp"
#include "fixed_vec.hpp"
#include "guard.hpp"
#include "request.hpp"
