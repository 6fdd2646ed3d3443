// purpose: every raw heap under the same steps, against an oracle each, and against each other.
// layer: fuzz; includes the raw heaps and the driver's codec and oracle.
// threads: one.
// invariants: P8, P9, P15; heaps of one kind do exactly the same, others what they must.
#include <mneme/raw/bounded.hpp>
#include <mneme/raw/fault_injecting.hpp>
#include "driver/language/byte_codec.hpp"
#include "raw_heaps/table.hpp"

#include "support/raw_run.hpp"

using namespace mneme;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const driver::Script script = driver::decode({data, size});
  const std::uint64_t heap_bytes = script.ops.front().size_bytes;
  if (heap_bytes > fuzz::heap_bytes_max) return -1;
  fuzz::run_raw_heaps<MNEME_RAW_HEAPS, FaultInjecting<FirstFit>>(script, heap_bytes);
  fuzz::run_beside_roomy_twins<Bounded, FirstFit>(script, heap_bytes);
  return 0;
}
