// purpose: reads the script of a search, and applies the options.
// layer: commands; includes search_input, parser; fmt.
// threads: one call at a time; a signal handler sets a flag.
// invariants: none.
#include "search_input.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <mneme/testing/explanation.hpp>

#include "driver/language/parser.hpp"
#include "driver/report/output.hpp"

namespace mneme::driver {

namespace {

volatile std::sig_atomic_t interrupted = 0;

void on_interrupt(int /*signal*/) { interrupted = 1; }

constexpr std::uint64_t any_states = 100'000;

}  // namespace

Program read_program(const ExploreOptions& options) {
  Source source = Source::open(options.path);
  const std::uint64_t default_bytes =
      options.heap_name.empty() ? options.heap_bytes.value_or(0) : 0;
  Parser parser{source, {.default_heap_bytes = default_bytes}};
  ProgramBuilder builder;
  Op op;
  while (parser.next(op)) {
    const bool makes_heap = op.kind == OpKind::heap || op.kind == OpKind::named_heap;
    if (makes_heap && op.heap_name == options.heap_name) {
      if (options.raw) set_raw_heap(op, *options.raw);
      if (options.queue) set_queue(op, *options.queue);
      if (options.heap_bytes) op.size_bytes = *options.heap_bytes;
    }
    builder.add(op);
  }
  if (!builder.has_tasks()) {
    throw InputError(source.name() +
                     ": the script has no tasks, so its steps have only one order; "
                     "use 'mneme run'");
  }
  return builder.finish();
}

std::string size_text(std::uint64_t number) {
  return testing::grouped(static_cast<double>(number));
}

std::string heaps_text(const Program& program, const WorldOptions& options) {
  std::string text;
  for (std::size_t heap = 0; heap < program.heaps.size(); ++heap) {
    const HeapSpec& spec = program.heaps[heap];
    text +=
        fmt::format("{}{}{}, {} bytes", heap == 0 ? "" : "; ", heap == 0 ? "" : spec.name + ": ",
                    spec.text(), size_text(options.heaps[heap].bytes));
  }
  return text;
}

WorldOptions world_options(const Program& program, const ExploreOptions& options) {
  WorldOptions world = options_of(program);
  world.switches = options.switches == "waits" ? Switches::waits : Switches::anywhere;
  world.is_exact = options.is_exact;
  world.varied = heap_number(program, options.heap_name);
  return world;
}

const volatile std::sig_atomic_t* catch_interrupts() {
  std::signal(SIGINT, &on_interrupt);
  return &interrupted;
}

SearchLimits limits_of(const ExploreOptions& options) {
  SearchLimits limits;
  limits.memory_bytes = options.memory_bytes;
  if (options.states != 0) limits.states = options.states;
  limits.interrupted = catch_interrupts();
  limits.on_progress = Progress{};
  return limits;
}

SearchLimits any_limits_of(const ExploreOptions& options) {
  SearchLimits limits = limits_of(options);
  limits.states = std::min(limits.states, any_states);
  return limits;
}

std::string_view word_of(Bound bound) {
  switch (bound) {
    case Bound::memory: return "the limit on memory was reached (--memory)";
    case Bound::states: return "the limit on states was reached (--states)";
    case Bound::interrupt: return "interrupted";
    default: return "all was explored";
  }
}

}  // namespace mneme::driver
