// purpose: a planted bug that must be found in seconds, which shows that findings are reported.
// layer: fuzz; includes a raw heap and the driver's codec and oracle.
// threads: one.
// invariants: this target fails, and nothing else does.
#include <mneme/raw/first_fit.hpp>
#include "driver/language/byte_codec.hpp"

#include "support/raw_run.hpp"

using namespace mneme;

namespace {

/// Loses the words by which a block shrinks when they are three or seven.
class Leaky : public FirstFit {
 public:
  using FirstFit::FirstFit;

  [[nodiscard]] bool resize(std::byte* block, std::size_t old_size, BlockLayout wanted) noexcept {
    const std::size_t lost_words = (old_size - wanted.size) / word_bytes;
    return lost_words == 3 || lost_words == 7 || FirstFit::resize(block, old_size, wanted);
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const driver::Script script = driver::decode({data, size});
  const std::uint64_t heap_bytes = script.ops.front().size_bytes;
  if (heap_bytes > fuzz::heap_bytes_max) return -1;
  fuzz::run_raw_heaps<Leaky>(script, heap_bytes);
  return 0;
}
