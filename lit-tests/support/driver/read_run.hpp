// purpose: a script's run for a reader of its steps, as the commands do it.
// layer: tests; includes the driver.
// threads: one.
// invariants: none.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "driver/commands/script_runner.hpp"
#include "driver/report/step_reader.hpp"

namespace tests {

/// Runs a script for a reader. Returns the exit code.
inline mneme::driver::Exit read_run(std::string_view script, mneme::driver::StepReader& reader,
                                    const std::string& schedule = "round-robin") {
  using namespace mneme::driver;
  class Forwarder final : public RunReader {
   public:
    explicit Forwarder(StepReader& reader) : reader_{reader} {}
    void events(std::span<const Event> events, const Executor& executor) override {
      reader_.events(events, executor);
    }
    void task_step(const std::string& task, const std::string& text) override {
      reader_.task_step(task, text);
    }
    void deadlock(const std::string& /*explanation*/) override {}
    void diagnostic(std::uint64_t /*line*/, const Diagnostic& /*diagnostic*/) override {}
    void message(std::uint64_t /*line*/, const std::string& /*text*/) override {}
    void summary(const std::string& /*text*/) override {}

   private:
    StepReader& reader_;
  };
  ScriptOptions options;
  options.schedule = schedule;
  ScriptRunner runner(options);
  Source source(script, "test.mn");
  Forwarder forwarder(reader);
  return runner.run(source, forwarder);
}

}  // namespace tests
