// purpose: a decoded script on the driver's executor, step by step, as `mneme run` does it.
// layer: fuzz; includes the driver's codec and executor.
// threads: one owner.
// invariants: text() has the valid steps, and `mneme run` on it does the same.
#pragma once

#include <algorithm>
#include <vector>
#include "driver/execute/executor.hpp"
#include "driver/language/byte_codec.hpp"
#include "driver/language/diagnostic.hpp"
#include "driver/language/format_op.hpp"

#include "finding.hpp"

namespace mneme::fuzz {

using namespace mneme::driver;

class ScriptRun final : public Reproducer {
 public:
  /// The script must outlive the run.
  ScriptRun(const Script& script, std::uint64_t heap_bytes) : script_{script} {
    heap_ = script.ops.front();
    heap_.size_bytes = heap_bytes;
  }

  /// Carries out the next step, or skips it if it is invalid. Returns false at the end.
  bool step() {
    if (over_ || next_ == script_.ops.size()) return false;
    tell();
    const Op& op = next_ == 0 ? heap_ : script_.ops[next_];
    ++next_;
    if (op.kind == OpKind::extend && op.size_bytes > room_to_grow()) {
      left_out_.push_back(next_ - 1);
      return true;
    }
    try {
      (void)executor_.step(op);
    } catch (const ScriptError& error) {
      // A held step that makes no sense ends a script: what let it run cannot be undone.
      over_ = op.kind == OpKind::heap || error.diagnostic().line != op.line;
      left_out_.push_back(next_ - 1);
    } catch (const Corruption& corruption) {
      stop(corruption.what());
    }
    return !over_;
  }

  void finish() {
    if (over_) return;
    tell();
    try {
      (void)executor_.run_to_end();
      executor_.take_everything_back();
    } catch (const ScriptError&) {
      over_ = true;  // a held step, as above
    } catch (const Corruption& corruption) {
      stop(corruption.what());
    }
  }

  [[nodiscard]] std::string text() const override {
    std::string text;
    CommandBuffer buffer;
    auto left_out = left_out_.begin();
    for (std::size_t at = 0; at < next_; ++at) {
      if (left_out != left_out_.end() && *left_out == at) {
        ++left_out;
        continue;
      }
      text += format_op(at == 0 ? heap_ : script_.ops[at], buffer);
      text += '\n';
    }
    return text;
  }

 private:
  /// As blocks are filled, a large heap takes its time.
  [[nodiscard]] std::uint64_t room_to_grow() const {
    return 2 * heap_bytes_max -
           std::min<std::uint64_t>(executor_.tally().capacity_bytes, 2 * heap_bytes_max);
  }

  const Script& script_;
  Op heap_;
  std::vector<std::size_t> left_out_;
  std::size_t next_ = 0;
  bool over_ = false;
  driver::Executor executor_;
};

}  // namespace mneme::fuzz
