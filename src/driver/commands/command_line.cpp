// purpose: the command line of the driver.
// layer: commands; includes command_line, run, draw_command, explore_options, language; CLI11.
// threads: one.
// invariants: the program always exits with a documented exit code.
#include "command_line.hpp"

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <exception>
#include <mneme/check.hpp>
#include <mneme/version.hpp>
#include <span>
#include <sstream>
#include <string>

#include "annotate.hpp"
#include "codec_command.hpp"
#include "draw_command.hpp"
#include "driver/execute/driver_heap.hpp"
#include "driver/language/command_table.hpp"
#include "driver/language/diagnostic.hpp"
#include "driver/language/format_script.hpp"
#include "driver/language/line.hpp"
#include "driver/report/output.hpp"
#include "explore_options.hpp"
#include "fit_command.hpp"
#include "import_command.hpp"
#include "run.hpp"
#include "validators.hpp"

namespace mneme::driver {
namespace {

constexpr const char* about_mneme =
    "mneme runs scripts of alloc, free and poll steps on the asynchronous allocator, shows which\n"
    "requests waited and why, and compares every step with a model.";

constexpr const char* exit_code_footer =
    "Exit codes: 0 ok, 1 an expectation failed, 2 bad script or usage, 3 deadlock, 4 corruption.";

// Standard output, but for `import`, which writes its script itself. Global, as the handler below
// has no other way to it.
Output& standard_output() {
  static Output output{stdout};
  return output;
}

// A fatal line of the library means that it found corruption. The transcript up to it comes first.
void stop_with_corruption(const char* line) noexcept {
  try {
    ScriptRunner::show_unfinished();
    standard_output().flush();
  } catch (...) {
    std::fputs("mneme: error: the transcript before this line was not written\n", stderr);
  }
  std::fputs(line, stderr);
  std::fputc('\n', stderr);
  std::_Exit(static_cast<int>(Exit::corruption));
}

std::vector<std::string> names_of_commands(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* const command : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(command->get_name());
  }
  return names;
}

std::string unknown_command(const CLI::App& app, const std::string& word) {
  const std::vector<std::string> names = names_of_commands(app);
  const std::vector<std::string_view> words(names.begin(), names.end());
  return fmt::format("unknown command {}{} (commands: {})", in_quotes(word),
                     did_you_mean(word, words), fmt::join(names, ", "));
}

// The message for a usage error. For an unknown command, CLI11 only reports that there is none.
std::string usage_error(const CLI::App* parsed, const CLI::Error& error) {
  std::string message = error.what();
  while (!parsed->get_subcommands().empty()) parsed = parsed->get_subcommands().front();
  if (const auto names = names_of_commands(*parsed); !names.empty()) {
    const auto rest = parsed->remaining();
    message = rest.empty() ? fmt::format("no command (commands: {})", fmt::join(names, ", "))
                           : unknown_command(*parsed, rest.front());
  }
  return "mneme: error: " + message + "\nRun with --help for more information.\n";
}

int end_of_parsing(CLI::App& app, const CLI::ParseError& error) {
  app.failure_message(&usage_error);
  std::ostringstream help;
  std::ostringstream failure;
  const int code = app.exit(error, help, failure);
  standard_output().print("{}", help.str());
  standard_output().flush();
  std::fputs(failure.str().c_str(), stderr);
  return code == 0 ? 0 : static_cast<int>(Exit::bad_input);
}

/// The options of `mneme run`, with those that replace the transcript.
struct RunCommand {
  RunOptions options;
  bool annotate = false;
  bool check = false;
  bool in_place = false;
};

/// The options of `run` and `draw` for carrying out a script.
void add_script_options(CLI::App& command, ScriptOptions& options) {
  command.add_option("--raw", options.raw, "The raw heap, instead of the script's.")
      ->check(raw_heap_validator<ScriptRawHeaps>());
  command.add_option("--queue", options.queue, "The policy of the queue, instead of the script's.")
      ->check(queue_validator());
  command
      .add_option("--schedule", options.schedule,
                  "Which task runs the next step: round-robin, random:SEED or a FILE.")
      ->capture_default_str();
  command.add_option("--steps", options.steps, "With tasks: stop after N steps.")->option_text("N");
  command.add_option("--heap", options.heap_bytes, "The region's size, instead of the script's.")
      ->transform(size_validator());
}

CLI::App& add_run_command(CLI::App& app, RunCommand& command) {
  RunOptions& options = command.options;
  CLI::App& run = *app.add_subcommand("run", "Run scripts or malloclab traces.");
  run.footer(
      std::string(exit_code_footer) +
      "\nWith several files it is the worst of their codes, in the order 4, 2, 3, 1, 0.\n"
      "An imported script ends with 'expect refused 0 waiting 0': 0 means that the program got "
      "all\n"
      "its memory on this heap, 1 that a request was refused, 3 that one would wait for ever.");
  run.add_option("FILE", options.paths, "Scripts; '-' is standard input.")->required();
  run.add_flag("--quiet,-q", options.quiet, "Print the summary only.");
  run.add_flag("--stats", options.stats,
               "Print the summary and wait times as JSON, one line per file.");
  run.add_option("--perfetto", options.perfetto,
                 "Write a Chrome trace of the run, for ui.perfetto.dev.")
      ->option_text("FILE");
  run.add_option("--why", options.why, "Explain one request: why it waited, and how that ended.")
      ->option_text("NAME");
  run.add_flag("--annotate", command.annotate,
               "Print the script with each result in a comment that starts with '#>'.");
  run.add_flag("--in-place", command.in_place, "With --annotate: rewrite the files.");
  run.add_flag("--check", command.check,
               "Compare the results with these comments; exit 1 if they differ.");
  run.add_flag("--keep-going", options.script.keep_going,
               "Continue after a failed expectation, and with the next file.");
  add_script_options(run, options.script);
  return run;
}

CLI::App& add_draw_command(CLI::App& app, DrawOptions& options) {
  CLI::App& draw =
      *app.add_subcommand("draw", "Draw a run: addresses over steps, and above them what waits.");
  draw.footer(
      "Exit codes are those of run. What cannot be drawn of a run that ends badly is left "
      "out.");
  draw.add_option("FILE", options.path, "A script or malloclab trace; '-' is standard input.")
      ->required();
  draw.add_option("-o,--output", options.output_path,
                  "Where the picture goes, instead of standard output.")
      ->option_text("FILE");
  draw.add_flag("--html", options.html,
                "Draw a page, with details under the pointer and the transcript beside.");
  draw.add_option("--colour", options.colour_by,
                  "Colour blocks by size or by task; by default by task if there are any.")
      ->check(CLI::IsMember({"size", "task"}));
  add_script_options(draw, options.script);
  return draw;
}

CLI::App& add_import_command(CLI::App& app, ImportOptions& options, std::string& format) {
  CLI::App& import =
      *app.add_subcommand("import", "Turn a recorded allocation trace into a script.");
  import.footer(
      "Exit codes: 0 every line was understood, 1 some were not, and are reported (the script has\n"
      "all others), 2 there is no script.");
  import.add_option("FILE", options.path, "The trace; '-' is standard input.")->required();
  import.add_option("--format", format, "auto, valgrind, mtrace, malloclab or recording.")
      ->check(CLI::IsMember({"auto", "valgrind", "mtrace", "malloclab", "recording"}))
      ->capture_default_str();
  import
      .add_option("--process", options.trace.process,
                  "In a valgrind trace: the process, instead of that of the first call.")
      ->option_text("PID");
  import
      .add_option("--heap", options.heap_bytes,
                  "The size of the heap, instead of the recorded one or twice the peak.")
      ->transform(size_validator());
  import
      .add_option("--schedule-out", options.schedule_out,
                  "Write the order of a recording, for 'mneme run --schedule=FILE'.")
      ->option_text("FILE");
  return import;
}

CLI::App& add_help(CLI::App& app, std::string& name) {
  app.set_version_flag("--version", fmt::format("mneme {}", mneme::version_text));
  CLI::App& help = *app.add_subcommand("help", "Print the help of a command.");
  help.add_option("COMMAND", name, "The command; without it, list all.");
  return help;
}

int print_help(const CLI::App& app, const std::string& name, Output& output) {
  const auto found =
      app.get_subcommands([&](const CLI::App* command) { return command->get_name() == name; });
  if (!name.empty() && found.empty()) throw InputError(unknown_command(app, name));
  // app.help() would be that of `help`, the command that was parsed.
  output.print("{}", name.empty() ? app.get_formatter()->make_help(&app, app.get_name(),
                                                                   CLI::AppFormatMode::Normal)
                                  : found.front()->help(app.get_name()));
  output.flush();
  return 0;
}

void print_formatted(const std::string& path, Output& output) {
  Source source = Source::open(path);
  output.print("{}", format_script(source, [](const Diagnostic& warning) {
                 std::fputs(render(warning).c_str(), stderr);
               }));
}

Exit run_as(const RunCommand& command, Output& output) {
  if (command.in_place && !command.annotate) throw InputError("--in-place needs --annotate");
  if (!command.annotate && !command.check) return run_scripts(command.options, output);
  if (command.annotate && command.check)
    throw InputError("--annotate and --check exclude each other");
  if (command.options.quiet || command.options.stats || !command.options.why.empty() ||
      !command.options.perfetto.empty()) {
    throw InputError(
        "--quiet, --stats, --why and --perfetto are for runs without --annotate or --check");
  }
  const AnnotateOptions annotate{command.options.paths, command.in_place, command.options.script};
  if (command.check) return check_scripts(annotate, output);
  if (!command.in_place && command.options.paths.size() > 1) {
    throw InputError("--annotate prints one file; with --in-place it rewrites several");
  }
  annotate_scripts(annotate, output);
  return Exit::ok;
}

/// Adds a command with one file and no options.
CLI::App* add_file_command(CLI::App& to, const char* name, const char* what, const char* file,
                           std::string& path) {
  CLI::App* const command = to.add_subcommand(name, what);
  command->add_option("FILE", path, file)->required();
  return command;
}

/// The commands that print text, from a script or without one.
void print_text(bool encode, bool decode, bool fmt, bool words, const std::string& script,
                Output& output) {
  if (encode) {
    run_encode(script, output);
  } else if (decode) {
    run_decode(script, output);
  } else if (fmt) {
    print_formatted(script, output);
  } else if (words) {
    output.print("{}\n", ::fmt::join(language_words(), "\n"));
    for (const std::string_view name : sized_raw_heaps) output.print("{}:\n", name);
  } else {
    output.print("{}", language_reference());
  }
}

int end_with(Exit exit, Output& output) {
  output.flush();
  return static_cast<int>(exit);
}

/// CLI11 takes the next argument as the value of `--option=`.
void refuse_empty_values(std::span<char* const> arguments) {
  for (const std::string_view argument : arguments) {
    if (argument == "--") return;
    if (argument.starts_with("--") && argument.find('=') == argument.size() - 1) {
      throw InputError(fmt::format("{} has no value", argument));
    }
  }
}

int dispatch(int argc, char** argv) {
  refuse_empty_values({argv, static_cast<std::size_t>(argc)});
  CLI::App app{about_mneme, "mneme"};
  app.footer(exit_code_footer);
  app.require_subcommand(1);

  std::string command_name;
  CLI::App& help = add_help(app, command_name);

  RunCommand run_command;
  CLI::App& run = add_run_command(app, run_command);

  DrawOptions draw_options;
  CLI::App& draw = add_draw_command(app, draw_options);

  ExploreOptions explore_options;
  CLI::App& explore = add_explore_command(app, explore_options);
  CLI::App& fit = add_fit_command(app, explore_options);

  std::string script;
  CLI::App* const fmt =
      add_file_command(app, "fmt", "Print a script in canonical form.",
                       "A script or malloclab trace; '-' is standard input.", script);

  bool words = false;
  app.add_subcommand("language", "Print the reference of the script language.")
      ->add_flag("--words", words, "Print only its words, one per line.");

  ImportOptions import_options;
  std::string format = "auto";
  CLI::App& import = add_import_command(app, import_options, format);

  CLI::App& fuzz =
      *app.add_subcommand("fuzz", "Convert scripts to inputs of the fuzzers, and back.");
  fuzz.require_subcommand(1);
  CLI::App* const encode = add_file_command(fuzz, "encode", "Print a script as a fuzz input.",
                                            "A script; '-' is standard input.", script);
  CLI::App* const decode = add_file_command(fuzz, "decode", "Print a fuzz input as a script.",
                                            "Any bytes; '-' is standard input.", script);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return end_of_parsing(app, error);
  }

  Output& output = standard_output();
  if (help) return print_help(app, command_name, output);
  if (run) return static_cast<int>(run_as(run_command, output));
  if (draw) return static_cast<int>(run_draw(draw_options, output));
  if (explore) return end_with(run_explore(explore_options, output), output);
  if (fit) return end_with(run_fit(explore_options, output), output);
  if (import) {
    import_options.trace.format = find_trace_format(format).value_or(TraceFormat::automatic);
    return run_import(import_options, stdout, stderr);
  }
  print_text(encode->parsed(), decode->parsed(), fmt->parsed(), words, script, output);
  output.flush();
  return 0;
}

}  // namespace

int command_line(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a closed pipe is reported like any other error of a write
  set_fatal_handler(&stop_with_corruption);
  try {
    return dispatch(argc, argv);
  } catch (const ScriptError& error) {
    std::fputs(render(error.diagnostic()).c_str(), stderr);
  } catch (const Corruption& error) {
    std::fprintf(stderr, "mneme: corruption: %s\n", error.what());
    std::_Exit(static_cast<int>(Exit::corruption));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "mneme: error: %s\n", error.what());
  }
  return static_cast<int>(Exit::bad_input);
}

}  // namespace mneme::driver
