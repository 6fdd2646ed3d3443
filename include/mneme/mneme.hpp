// purpose: everything, for users who do not want to choose.
// layer: L3; includes all.
// threads: see each header.
// invariants: none of its own.
#pragma once

#include "arc.hpp"
#include "array.hpp"
#include "box.hpp"
#include "fixed_vec.hpp"
#include "guard.hpp"
#include "heap.hpp"
#include "owner_request.hpp"
#include "request.hpp"
