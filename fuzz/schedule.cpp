// purpose: two to four tasks on one heap, paused before the atomic operations that the input picks.
// layer: fuzz; includes the library, on atomics that let the schedule in.
// threads: one; tasks are fibers.
// invariants: P1–P5, P8, P9; the same input gives the same run.
#include "support/schedule.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto run = [&] {
    mneme::fuzz::World world({data, size});
    return mneme::fuzz::Schedule(world).digest();
  };
  const std::uint64_t digest = run();
  if (size % 8 == 0) mneme::fuzz::require(run() == digest, "the same input gives another run");
  return 0;
}
