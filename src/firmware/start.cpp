// purpose: what all boards do before and after main, and how much stack that took.
// layer: firmware; includes board.
// threads: main; no interrupt is enabled yet.
// invariants: the linker script supplies the names below, and asserts that there are no
// constructors to run.
#include "board.hpp"

extern "C" {
extern std::uint32_t data_load[], data_begin[], data_end[], bss_begin[], bss_end[], stack_top[];
}

namespace board {

namespace {
constexpr std::uint32_t untouched = 0xa5a5a5a5;
}  // namespace

[[noreturn]] void start() noexcept {
  const std::uint32_t* from = data_load;
  for (std::uint32_t* at = data_begin; at != data_end;) *at++ = *from++;
  for (std::uint32_t* at = bss_begin; at != bss_end;) *at++ = 0;
  // The part of the stack that is in use is left out.
  const auto* const in_use = static_cast<const std::uint32_t*>(__builtin_frame_address(0)) - 16;
  for (std::uint32_t* at = bss_end; at < in_use;) *at++ = untouched;
  quit(main());
}

std::size_t stack_high_water() noexcept {
  const volatile std::uint32_t* at = bss_end;
  while (*at == untouched) ++at;
  return static_cast<std::size_t>(stack_top - at) * sizeof *at;
}

}  // namespace board
