// purpose: lets a test's waker do what a waker must not, without RealtimeSanitizer's report.
// layer: tests; includes nothing of mneme.
// threads: for the thread that has it.
// invariants: none in other builds.
#pragma once

#if defined(__has_feature)
#if __has_feature(realtime_sanitizer)
#include <sanitizer/rtsan_interface.h>
#define MNEME_TEST_RTSAN 1
#endif
#endif

namespace mneme::test {

/// While it exists, this thread may wait and allocate during a free. For wakers that show that the
/// heap stays consistent even if they break their contract.
class [[maybe_unused]] MayWait {
#ifdef MNEME_TEST_RTSAN
  __rtsan::ScopedDisabler disabler_;
#endif
};

}  // namespace mneme::test
