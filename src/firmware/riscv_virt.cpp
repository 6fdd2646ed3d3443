// purpose: QEMU's RISC-V board `virt`: the entry, the machine timer, the UART, the exit.
// layer: firmware; includes board.
// threads: main, and the timer's handler.
// invariants: the handler does not nest.
#include "board.hpp"

extern "C" {
extern volatile std::uint8_t uart_data;               // riscv_virt.ld
extern volatile std::uint32_t test_finisher;          // ends QEMU
extern volatile std::uint32_t mtime[2], mtimecmp[2];  // low half first
}

namespace {

volatile bool inside_handler = false;

std::uint32_t period = 10;  // of 100 ns

void set_next_tick() noexcept {
  const std::uint64_t now = mtime[0] | std::uint64_t{mtime[1]} << 32;
  const std::uint64_t next = now + period;
  mtimecmp[1] = UINT32_MAX;  // not yet
  mtimecmp[0] = static_cast<std::uint32_t>(next);
  mtimecmp[1] = static_cast<std::uint32_t>(next >> 32);
}

constexpr std::uint32_t timer_interrupt = 0x80000007;

}  // namespace

namespace board {

void write(const char* text) noexcept {
  while (*text != '\0') uart_data = static_cast<std::uint8_t>(*text++);
}

[[noreturn]] void quit(int code) noexcept {
  test_finisher = code == 0 ? 0x5555U : static_cast<std::uint32_t>(code) << 16 | 0x3333U;
  for (;;) wait_for_interrupt();
}

void set_period(std::uint32_t instructions) noexcept { period = instructions / 100; }

void start_ticks() noexcept {
  set_next_tick();
  asm volatile("csrs mie, %0" : : "r"(1U << 7));      // the machine timer
  asm volatile("csrs mstatus, %0" : : "r"(1U << 3));  // interrupts
}

bool in_interrupt() noexcept { return inside_handler; }

}  // namespace board

extern "C" {

[[gnu::interrupt("machine"), gnu::aligned(4)]] void trap() {
  std::uint32_t cause = 0;
  asm volatile("csrr %0, mcause" : "=r"(cause));
  if (cause != timer_interrupt) {
    board::write("fault\n");
    board::quit(99);
  }
  inside_handler = true;
  on_tick();
  set_next_tick();  // last, so that main always gets its share
  inside_handler = false;
}

[[noreturn, gnu::used]] void reset() noexcept {
  asm volatile("csrw mtvec, %0" : : "r"(&trap));
  board::start();
}

[[gnu::naked, gnu::section(".entry"), gnu::used, gnu::retain]] void entry() {
  asm volatile("la sp, stack_top\n\tj reset");
}
}
