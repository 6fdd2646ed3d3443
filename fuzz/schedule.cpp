// purpose: two to four tasks on one heap, stopped before any atomic step that the input says.
// room: fuzz; includes the library, on atomics that let the schedule in.
// threads: one; tasks are fibers.
// invariants: P1–P5, P8, P9; the same input gives the same run.
#include "shared/schedule.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  mneme::fuzz::World world({data, size});
  const mneme::fuzz::Schedule run(world);
  return 0;
}
