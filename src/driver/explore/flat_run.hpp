// purpose: a schedule as a script without tasks, carried out by the executor and the oracle.
// layer: explore; includes world, executor.
// threads: one owner.
// invariants: after each step the world and the executor agree on every block and every wait.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "driver/execute/executor.hpp"
#include "world.hpp"

namespace mneme::driver {

class FlatRun {
 public:
  /// Restarts the world.
  FlatRun(World& world, Executor& executor);

  /// Makes the next heap of the script, for an executor that has it not yet.
  std::span<const Event> make_heap(std::size_t heap);
  /// The number of steps before the tasks; boot() carries out one of them, in order.
  [[nodiscard]] std::size_t boot_steps() const { return world_.boot_steps().size(); }
  std::span<const Event> boot(std::size_t step);
  /// Skips such a step, if the executor has carried it out already.
  void skip_boot(std::size_t step);

  /// Carries out a step of a task that can take one. Returns no events if the step does not concern
  /// the heap. Throws Corruption if world and executor differ.
  std::span<const Event> step(Move move);

 private:
  std::span<const Event> carry_out(const ProgramStep& step, OpKind kind, std::string_view name,
                                   std::size_t choice = 0);
  void make_op(const ProgramStep& step, OpKind kind, std::string_view name, std::size_t choice = 0);
  std::span<const Event> resize(const ProgramStep& step, std::size_t task, std::uint32_t from,
                                const StepResult& result, bool moves);
  [[nodiscard]] const std::string& move_name(std::uint32_t from, std::uint32_t to,
                                             const std::string& wanted);
  using Slots = std::map<std::size_t, std::optional<std::size_t>>;  // by task
  [[nodiscard]] Slots slots_of_waiting() const;
  void take_grants(std::span<const Event> events, const Slots& slots);
  [[nodiscard]] std::string wanted_name(std::size_t task, std::size_t name) const;
  [[nodiscard]] std::multimap<std::uint32_t, std::string>::iterator owner_at(
      std::uint32_t offset, const std::string& wanted);
  void end_name(std::multimap<std::uint32_t, std::string>::iterator owner);
  [[nodiscard]] const std::string& begin_name(const std::string& wanted);
  void check(std::span<const Event> events, const StepResult& result, std::size_t grants) const;

  World& world_;
  Executor& executor_;
  std::uint8_t level_ = 0;  // of the request of this step
  Op op_;                   // kept, as events refer to it
  std::deque<std::string> texts_;
  std::multimap<std::uint32_t, std::string> by_offset_;  // names of live blocks; an arc has several
  std::string freed_name_;                               // kept for the events of the last step
  std::map<std::size_t, std::string> waiting_;           // names by task
  std::map<std::string, std::size_t> live_;              // names in use
};

}  // namespace mneme::driver
