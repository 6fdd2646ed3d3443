// purpose: makes each mneme::Heap one that can be explored: the value of MNEME_DEFAULT_RAW_HEADER.
// layer: testing; includes watched.
// threads: none.
// invariants: outside of an exploration such a heap is the default one.
#pragma once

#include "watched.hpp"

namespace mneme::inline MNEME_SETTINGS {

#ifdef MNEME_DEFAULT_RAW_HEADER
using DefaultRaw = testing::Watched<Bounded>;
#endif

}  // namespace mneme::inline MNEME_SETTINGS
