// purpose: runs a script for its picture alone; errors go to standard error.
// layer: commands; includes draw_command, write_file, html_page.
// threads: one call at a time.
// invariants: see draw_command.hpp.
#include "draw_command.hpp"

#include <fmt/format.h>

#include <cstdlib>

#include "driver/language/diagnostic.hpp"
#include "driver/report/html_page.hpp"
#include "write_file.hpp"

namespace mneme::driver {

namespace {

class DrawReader final : public RunReader {
 public:
  DrawReader(bool keeps_lines, Output& output) : keeps_lines_{keeps_lines}, output_{output} {}

  void events(std::span<const Event> events, const Executor& executor) override {
    history_.events(events, executor);
    if (keeps_lines_) lines_.events(events, executor);
  }
  void task_step(const std::string& task, const std::string& text) override {
    history_.task_step(task, text);
    if (keeps_lines_) lines_.task_step(task, text);
  }
  void deadlock(const std::string& explanation) override { tell(explanation); }
  void diagnostic(std::uint64_t /*line*/, const Diagnostic& diagnostic) override {
    tell(render(diagnostic));
  }
  void message(std::uint64_t /*line*/, const std::string& text) override { tell(text); }
  void summary(const std::string& text) override {
    if (keeps_lines_) lines_.add(text);
  }

  [[nodiscard]] const History& history() const { return history_; }
  [[nodiscard]] const TranscriptLines& lines() const { return lines_; }

 private:
  void tell(const std::string& text) {
    output_.report(text);
    if (keeps_lines_) lines_.add(text);
  }

  bool keeps_lines_;
  Output& output_;
  History history_;
  TranscriptLines lines_;
};

std::string file_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::string title_of(const std::string& name, const History& history,
                     const ScriptOptions& options) {
  std::string title =
      fmt::format("{}: {} bytes, {} steps", name, with_commas(history.capacity_bytes()),
                  with_commas(history.steps()));
  if (history.has_tasks()) title += ", schedule " + options.schedule;
  return title;
}

}  // namespace

Exit run_draw(const DrawOptions& options, Output& output) {
  if (!options.output_path.empty()) check_writable(options.output_path);
  Source source = Source::open(options.path);
  ScriptRunner runner(options.script);
  DrawReader reader(options.html, output);
  const Exit exit = runner.run(source, reader);
  const History& history = reader.history();
  if (history.steps() > 0) {
    warn_if_cut(history, output);
    const bool by_task =
        options.colour_by.empty() ? history.has_tasks() : options.colour_by == "task";
    const PictureOptions picture_options{
        .title = title_of(file_name(source.name()), history, options.script),
        .colour_by = by_task ? ColourBy::task : ColourBy::size};
    const Picture picture = draw_run(history, picture_options);
    const std::string text =
        options.html ? html_page(history, picture, picture_options, reader.lines()) : picture.svg;
    if (options.output_path.empty()) {
      output.print("{}", text);
    } else {
      write_file(options.output_path, text);
    }
  }
  output.flush();
  // What was found broken is not taken apart: that could only break more.
  if (exit == Exit::corruption) std::_Exit(static_cast<int>(exit));
  return exit;
}

}  // namespace mneme::driver
