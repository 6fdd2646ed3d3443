// purpose: any stream of steps on one heap, or on two at a time, against the oracle.
// layer: fuzz; includes the driver's codec and executor.
// threads: one.
// invariants: P1–P3, P5, P6, P8, P9, P13, as the oracle checks them; every raw heap validates;
//   encoding and decoding a script again gives the same script.
#include <algorithm>
#include <optional>

#include "raw_heaps/table.hpp"
#include "support/script_run.hpp"

using namespace mneme::fuzz;

namespace {

constexpr unsigned beside_another_flag = 2;  // in the first byte, unused by the codec
// A name takes at least a byte, and the Encoder accepts this many names.
constexpr std::size_t input_bytes_max = std::size_t{1} << 14U;

constexpr mneme::driver::RawNames raw_names{.plain = mneme::RawHeaps::names,
                                            .sized = mneme::sized_raw_heaps};

Script there_and_back(const Script& script) {
  Encoder encoder(raw_names);
  for (const Op& op : script.ops) encoder.add(op);
  return decode(encoder.bytes(), raw_names);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > input_bytes_max) return -1;
  const Script script = decode({data, size}, raw_names);
  const std::uint64_t heap_bytes = script.ops.front().size_bytes;
  if (std::max(heap_bytes, script.ops.front().raw_bytes.value_or(0)) > heap_bytes_max) return -1;
  require(text_of(there_and_back(script)) == text_of(script), "encoding changes the script");
  ScriptRun run(script, heap_bytes);
  std::optional<ScriptRun> other;
  if (size > 0 && (data[0] & beside_another_flag) != 0) other.emplace(script, 2 * heap_bytes);
  for (bool goes_on = true; goes_on;) {
    goes_on = run.step();
    goes_on |= other && other->step();
  }
  run.finish();
  if (other) other->finish();
  return 0;
}
