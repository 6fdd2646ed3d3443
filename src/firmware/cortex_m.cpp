// purpose: a Cortex-M in QEMU: vectors, SysTick, the console and the exit by semihosting.
// layer: firmware; includes board.
// threads: main, and the SysTick handler.
// invariants: none.
#include "board.hpp"

extern "C" {
extern volatile std::uint32_t syst_control, syst_reload, syst_current;  // cortex_m.ld: SysTick
}

namespace {

// `bkpt 0xab` with the operation in r0 and its argument in r1.
void semihost(int operation, const void* argument) noexcept {
  register int r0 asm("r0") = operation;
  register const void* r1 asm("r1") = argument;
  asm volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
}
constexpr int sys_write0 = 0x04;
constexpr int sys_exit_extended = 0x20;

[[noreturn]] void fault() noexcept {
  board::write("fault\n");
  board::quit(99);
}

}  // namespace

namespace board {

void write(const char* text) noexcept { semihost(sys_write0, text); }

[[noreturn]] void quit(int code) noexcept {
  const std::uint32_t reason[2] = {0x20026, static_cast<std::uint32_t>(code)};  // ended by itself
  semihost(sys_exit_extended, reason);
  for (;;) wait_for_interrupt();
}

void set_period(std::uint32_t instructions) noexcept {
  // QEMU's machines count at 12.5 and at 16 MHz, and an instruction takes a nanosecond there.
  syst_reload = instructions / 64;
}

void start_ticks() noexcept {
  set_period(1000);
  syst_current = 0;
  syst_control = 7;  // the core's clock, interrupt, on
}

bool in_interrupt() noexcept {
  std::uint32_t number = 0;
  asm volatile("mrs %0, ipsr" : "=r"(number));
  return number != 0;
}

}  // namespace board

extern "C" {
extern const std::uint32_t stack_top[];
[[noreturn]] void reset() noexcept { board::start(); }
}

namespace {
using Handler = void (*)() noexcept;
struct Vectors {
  const std::uint32_t* stack;
  Handler handlers[15];
};

[[gnu::section(".vectors"), gnu::used, gnu::retain]] const Vectors vector_table{
    stack_top,
    {reset, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault,
     fault, on_tick}};

}  // namespace
