// purpose: what the program of this folder uses of its board; mneme does not.
// layer: firmware; includes nothing of mneme.
// threads: write() also in interrupts.
// invariants: none.
#pragma once

#include <cstddef>
#include <cstdint>

namespace board {

/// What the entry calls: sets up variables, runs main, and ends with what that returns.
[[noreturn]] void start() noexcept;

/// To the console.
void write(const char* text) noexcept;
/// Ends the emulator with this exit code.
[[noreturn]] void quit(int code) noexcept;

/// Calls on_tick() in an interrupt, again and again.
void start_ticks() noexcept;
/// How long it is from one to the next, roughly; at least 200.
void set_period(std::uint32_t instructions) noexcept;
/// Whether the caller is in the interrupt.
[[nodiscard]] bool in_interrupt() noexcept;
/// Sleeps until the next one. A compiler barrier.
inline void wait_for_interrupt() noexcept { asm volatile("wfi" : : : "memory"); }

/// The most bytes that the stack ever had, interrupts included.
[[nodiscard]] std::size_t stack_high_water() noexcept;

}  // namespace board

/// Supplied by the program.
void on_tick() noexcept;
extern "C" int main();
