// purpose: three tasks share 8 KiB, and a timer interrupt frees what they got; checks itself.
// layer: firmware; includes board, port, script and stress.
// threads: main, and the timer's interrupt.
// invariants: prints what the driver prints for lit-tests/firmware/three_tasks.mn.
#include <array>
#include <atomic>
#include <cstddef>
#include <span>

#include "board.hpp"
#include "port.hpp"
#include "script.hpp"
#include "stress.hpp"

namespace {

constexpr std::size_t region_bytes = 8192;
// The control block is in front of a region that begins at a multiple of 64.
constexpr std::size_t control_bytes = (sizeof(port::Heap) + 63) / 64 * 64;
alignas(64) constinit std::byte memory[control_bytes + region_bytes];

/// What the timer does next: one of these, once, or with every tick.
constinit script::Script* the_script = nullptr;
constinit std::atomic<script::Buffer*> to_free{nullptr};
constinit std::atomic<stress::Stress*> the_stress{nullptr};
constinit std::atomic<stress::Atomics*> the_atomics{nullptr};

/// Has the timer free a buffer.
void free_by_interrupt(script::Buffer& buffer) noexcept {
  to_free = &buffer;
  while (to_free != nullptr) board::wait_for_interrupt();
}

void show_fatal(const char* line) noexcept {
  board::write(line);
  board::write("\n");
  board::quit(98);
}

/// The scenario, step by step as in the script.
bool run_script(port::Heap& heap) {
  script::Script script{heap};
  the_script = &script;
  std::array workers{script::Worker{heap}, script::Worker{heap}, script::Worker{heap}};
  for (script::Worker& worker : workers) {
    if (!worker.run().started) return false;
  }
  auto& [sensor, radio, log] = workers;
  script::Buffer s1{"s1", 2000}, s2{"s2", 1000}, s3{"s3", 9000};
  script::Buffer r1{"r1", 3000}, r2{"r2", 600}, r3{"r3", 4000};
  script::Buffer l1{"l1", 2500}, l2{"l2", 5000};

  script.heap_line();
  script.alloc(sensor, s1);
  script.alloc(radio, r1);
  script.alloc(log, l1);
  script.alloc(sensor, s2);
  script.alloc(radio, r2);
  script.locked([&] { free_by_interrupt(r1); });
  script.poll();
  script.alloc(log, l2);
  free_by_interrupt(s1);
  free_by_interrupt(s2);
  free_by_interrupt(r2);
  script.poll();
  script.alloc(sensor, s3);
  script.alloc(radio, r3);
  script.cancel(r3);
  script.free(l1);
  script.defer_free(l2);
  script.poll();
  script.expect_empty();
  if (script.woken_in_interrupt() != 1) script::line("# FAILED: the waker did not interrupt\n");
  return !script.failed() && script.woken_in_interrupt() == 1;
}

bool run_atomics() {
  stress::Atomics atomics;
  the_atomics = &atomics;
  const char* const wrong = atomics.run();
  the_atomics = nullptr;
  script::line(wrong == nullptr ? "# atomics are atomic" : "# FAILED: ",
               wrong == nullptr ? "" : wrong, "\n");
  return wrong == nullptr;
}

bool run_stress(port::Heap& heap) {
  stress::Stress stress{heap};
  for (std::size_t id = 1; id <= stress::Stress::tasks; ++id) {
    if (!stress.churn(id).started) return false;
  }
  the_stress = &stress;
  const char* const wrong = stress.run();
  the_stress = nullptr;
  if (wrong != nullptr) {
    script::line("# FAILED: ", wrong, "\n");
  } else {
    script::line("# ", stress::Stress::tasks * stress::Stress::rounds,
                 " blocks freed by the interrupt, in any place\n");
  }
  return wrong == nullptr;
}

}  // namespace

void on_tick() noexcept {
  if (script::Buffer* const buffer = to_free; buffer != nullptr) {
    the_script->free(*buffer);
    to_free = nullptr;
  }
  // The scenario has no need of it; the others are to be interrupted everywhere.
  static constinit std::uint32_t seed = 1;
  seed = seed * 1664525 + 1013904223;
  board::set_period(2000 + (seed >> 16) % 4096);
  if (stress::Atomics* const atomics = the_atomics; atomics != nullptr) atomics->on_tick();
  if (stress::Stress* const stress = the_stress; stress != nullptr) stress->on_tick();
}

int main() {
  mneme::set_fatal_handler(&show_fatal);
  const auto heap =
      port::Heap::bootstrap(std::span{memory}.subspan(control_bytes - sizeof(port::Heap)));
  if (!heap) return 1;
  board::start_ticks();
  const bool good = run_atomics() && run_script(**heap) && run_stress(**heap);
  script::line("# stack: ", board::stack_high_water(), " bytes; frames: ", tasks::frames_used,
               "\n");
#ifdef PORT_MEASURES_MASKED
  script::line("# longest critical section: ", port::Measure::longest, " instructions\n");
#endif
  return good ? 0 : 1;
}
