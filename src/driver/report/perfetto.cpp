// purpose: writes the events of a trace.
// layer: report; includes perfetto; JSON by nlohmann.
// threads: as in the header.
// invariants: as in the header.
#include "perfetto.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_map>

namespace mneme::driver {

namespace {

using Json = nlohmann::ordered_json;

constexpr int trace_process = 1;

std::string_view word_of(WaitEnd end) {
  switch (end) {
    case WaitEnd::waits: return "waits for ever";
    case WaitEnd::granted: return "granted";
    case WaitEnd::cancelled: return "cancelled";
    case WaitEnd::closed: return "closed";
    case WaitEnd::refused: return "refused";
  }
  return "";
}

class Trace {
 public:
  explicit Trace(const History& history) : history_{history} {}

  [[nodiscard]] std::string write() {
    text_ =
        "{\"displayTimeUnit\":\"ns\",\"otherData\":{\"unit\":\"one microsecond is one step\"},\n"
        "\"traceEvents\":[";
    put_metadata("process_name", 0, history_.has_tasks() ? "tasks" : "script");
    name_tracks();
    put_steps();
    for (const WaitSpan& wait : history_.waits()) put_wait(wait);
    put_counters();
    text_ += "\n]}\n";
    return std::move(text_);
  }

 private:
  void put(const Json& event) {
    text_ += is_first_ ? "\n" : ",\n";
    is_first_ = false;
    text_ += event.dump(-1, ' ', true, Json::error_handler_t::replace);
  }

  void put_metadata(const char* what, std::size_t track, const std::string& name) {
    put({{"name", what},
         {"ph", "M"},
         {"pid", trace_process},
         {"tid", track},
         {"args", {{"name", name}}}});
  }

  /// Track 0 is the script, followed by the tasks in the order of their first steps.
  void name_tracks() {
    put_metadata("thread_name", 0, "script");
    std::size_t track = 0;
    const auto add = [&](const std::string& name) {
      const auto [at, is_new] = tracks_.try_emplace(name, track + 1);
      if (is_new) put_metadata("thread_name", ++track, name);
    };
    if (history_.has_tasks()) {
      for (const std::string& task : history_.tasks().subspan(1)) add(task);
    } else {
      for (const WaitSpan& wait : history_.waits()) add(wait.name);
    }
  }

  void put_steps() {
    for (StepNumber step = 1; step <= history_.steps(); ++step) {
      const StepText& text = history_.text_of(step);
      Json args = Json::object();
      if (text.line != 0) args["line"] = text.line;
      put({{"name", text.text},
           {"cat", "step"},
           {"ph", "X"},
           {"ts", step},
           {"dur", 1},
           {"pid", trace_process},
           {"tid", text.task == 0 ? 0 : tracks_.at(history_.tasks()[text.task])},
           {"args", args}});
    }
  }

  void put_wait(const WaitSpan& wait) {
    const StepNumber to = wait.end == WaitEnd::waits ? history_.steps() + 1 : wait.to;
    Json event{
        {"name", wait.end == WaitEnd::refused ? wait.name + " is refused" : wait.name + " waits"},
        {"cat", "wait"},
        {"ph", wait.end == WaitEnd::refused ? "i" : "X"},
        {"ts", wait.from}};
    if (wait.end == WaitEnd::refused) {
      event["s"] = "t";
    } else {
      event["dur"] = to - wait.from;
    }
    event["pid"] = trace_process;
    event["tid"] = tracks_.at(history_.has_tasks() ? history_.tasks()[wait.task] : wait.name);
    event["args"] = {{"line", wait.line},         {"bytes", wait.asked},
                     {"block_bytes", wait.need},  {"before_it", wait.before},
                     {"lacks_bytes", wait.lacks}, {"end", word_of(wait.end)}};
    if (wait.end == WaitEnd::refused) event["args"]["error"] = to_string(wait.error);
    put(event);
  }

  /// Writes a counter only if it changes.
  void put_counter(const char* name, const char* unit, StepNumber step, std::uint64_t value,
                   std::uint64_t& last) {
    if (step > 1 && value == last) return;
    last = value;
    put({{"name", name},
         {"ph", "C"},
         {"ts", step},
         {"pid", trace_process},
         {"args", {{unit, value}}}});
  }

  void put_counters() {
    std::uint64_t used = 0;
    std::uint64_t largest = 0;
    std::uint64_t waiting = 0;
    for (StepNumber step = 1; step <= history_.steps(); ++step) {
      const HeapSample& heap = history_.behind(step);
      put_counter("used", "bytes", step, heap.used, used);
      put_counter("largest hole", "bytes", step, heap.largest_hole, largest);
      put_counter("waiting", "requests", step, heap.waiting, waiting);
    }
  }

  const History& history_;
  std::unordered_map<std::string, std::size_t> tracks_;
  std::string text_;
  bool is_first_ = true;
};

}  // namespace

std::string perfetto_trace(const History& history) { return Trace{history}.write(); }

}  // namespace mneme::driver
