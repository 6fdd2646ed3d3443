// purpose: shows that formatting keeps the steps, is idempotent, and accepts any bytes.
// layer: tests; includes the driver's front end.
// threads: none.
// invariants: random inputs come from a fixed seed, so that a failure can be repeated.
// RUN: %runner %build/tests/format_script_test
#include "driver/language/format_script.hpp"

#include <doctest/doctest.h>

#include <array>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "driver/language/command_table.hpp"
#include "driver/language/format_op.hpp"
#include "driver/language/parser.hpp"
#include "support/effort.hpp"

using namespace mneme::driver;

namespace {

std::string formatted(std::string_view text) {
  Source source{text, "test.mn"};
  return format_script(source);
}

/// The steps as text; nothing if the script has an error.
std::optional<std::vector<std::string>> steps_of(std::string_view text) {
  Source source{text, "test.mn"};
  Parser parser{source, {.default_heap_bytes = 1024}};
  std::vector<std::string> steps;
  CommandBuffer buffer;
  Op op;
  try {
    while (parser.next(op)) steps.emplace_back(format_op(op, buffer));
  } catch (const ScriptError&) {
    return std::nullopt;
  }
  return steps;
}

class RandomText {
 public:
  explicit RandomText(unsigned seed) : engine_{seed} {}

  /// Bytes that are valid syntax more often than random ones.
  std::string bytes() {
    static const std::vector<std::string> words = language_words();
    static constexpr std::array<std::string_view, 12> pieces{
        " ", "\n", "\t", "#", "=", "a", "1K", "64", "heap 1K\n", "\r\n", "\xC3\xA4", "-1"};
    std::string text;
    const std::size_t count = below(60);
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t choice = below(10);
      if (choice < 4) text += words[below(words.size())] + ' ';
      if (choice >= 4 && choice < 9) text += pieces[below(pieces.size())];
      if (choice == 9) text += static_cast<char>(below(256));
    }
    return text;
  }

  /// A script without errors: any commands, comments and blank lines.
  std::string script() {
    has_dma_ = below(4) != 0;
    std::string text = has_dma_ ? "heap 2048 # the heap\nheap dma 1K align=8\n" : "";
    const std::size_t count = below(30);
    for (std::size_t i = 0; i < count; ++i) text += line();
    return text;
  }

 private:
  std::size_t below(std::size_t limit) {
    return std::uniform_int_distribution<std::size_t>{0, limit - 1}(engine_);
  }

  std::string number() {
    static constexpr std::array<std::string_view, 4> units{"", "K", "M", "G"};
    return std::to_string(below(3000)) + std::string{units[below(units.size())]};
  }

  std::string blanks() { return std::string(1 + below(3), below(5) == 0 ? '\t' : ' '); }

  std::string argument(ArgumentKind kind) {
    switch (kind) {
      case ArgumentKind::name:
      case ArgumentKind::new_name: return "name-" + std::to_string(below(9));
      case ArgumentKind::size:
      case ArgumentKind::sizes:
      case ArgumentKind::count: return number();
      case ArgumentKind::state: return std::string{state_words[below(state_words.size())]};
      case ArgumentKind::key_numbers:
        return std::string{key_words[below(3)]} + blanks() + number() + blanks() +
               std::string{key_words[3 + below(5)]} + blanks() +
               (below(2) == 0 ? "<=" + blanks() : "") + number();
      case ArgumentKind::literal: break;  // below
      case ArgumentKind::queue_names: return "name-" + std::to_string(below(9));
      case ArgumentKind::ending:  // of scripts with tasks, whose blocks need an end
      case ArgumentKind::copies:
      case ArgumentKind::repeats: break;
    }
    return {};
  }

  std::string option(const Option& option) {
    std::string text{option.word};
    if (option.kind == OptionKind::raw) text += "=other";
    if (option.kind == OptionKind::queue) text += below(2) == 0 ? "=other:3" : "=other";
    if (option.kind == OptionKind::priority) text += '=' + std::to_string(below(8));
    if (option.kind == OptionKind::poll) text += below(2) == 0 ? "=auto" : "=manual";
    if (option.kind == OptionKind::in) text += blanks() + "dma";
    if (option.kind == OptionKind::align) text += '=' + std::to_string(1U << below(13));
    return text;
  }

  std::string line() {
    std::string text = below(4) == 0 ? blanks() : "";
    if (below(8) != 0) {
      const Command* any = nullptr;
      do any = &commands()[1 + below(commands().size() - 1)];
      while (is_of_tasks(any->kind) || any->kind == OpKind::named_heap);
      const Command& command = *any;
      text += command.keyword;
      for (const Argument& a : command.arguments) {
        text += blanks();
        text += a.kind == ArgumentKind::literal ? std::string{a.word} : argument(a.kind);
      }
      for (const Option& o : command.options) {
        if (o.excludes_previous) continue;  // it would contradict that
        if (o.kind == OptionKind::in && !has_dma_) continue;
        if (below(3) == 0) text += blanks() + option(o);
      }
    }
    if (below(4) == 0) text += blanks() + "# comment" + blanks();
    return text + (below(9) == 0 ? "\r\n" : "\n");
  }

  std::mt19937 engine_;
  bool has_dma_ = false;
};

}  // namespace

TEST_CASE("commands are canonical; comments and blank lines stay") {
  CHECK(formatted("  heap   1024 raw=bounded poll=manual\n"
                  "\n\n"
                  "# about a\n"
                  "\t# indented\r\n"
                  "alloc\ta  2048 guard align=32#first  \n"
                  "free a     #  second\n"
                  "\n"
                  "expect live 1024 used 1536K  # third\n"
                  "\n"
                  "poll # fourth") ==
        "heap 1K\n"
        "\n\n"
        "# about a\n"
        "# indented\n"
        "alloc a 2K align=32 guard  #first\n"
        "free a                     #  second\n"
        "\n"
        "expect live 1024 used 1536K  # third\n"
        "\n"
        "poll  # fourth\n");
}

TEST_CASE("a very long command does not shift the comments of other lines") {
  const std::string name(64, 'x');
  CHECK(formatted("heap 1K # a\nfree " + name + " # b\n") ==
        "heap 1K  # a\nfree " + name + "  # b\n");
}

TEST_CASE("a script without a heap line is formatted, too") {
  CHECK(formatted("poll\n") == "poll\n");
  CHECK(formatted("") == "");
}

TEST_CASE("a malloclab trace becomes a script") {
  CHECK(formatted("# header\n20000\n2 # ids\n5\n1\n\na 0 512\nr 0 1024\nf -1\nr 1 8 # new\n"
                  "f 0\nr 0 5\nf 0\nf 1\n") ==
        "# header\n"
        "heap 64M poll=auto align=8\n"
        "# ids\n"
        "\n"
        "alloc 0 512\n"
        "resize 0 1K\n"
        "# f -1: frees nothing\n"
        "alloc 1 8  # new\n"
        "free 0\n"
        "alloc 0 5\n"
        "free 0\n"
        "free 1\n");
}

TEST_CASE("the comment of a step that frees nothing is kept") {
  CHECK(formatted("1000\n3\n1\n3\na 0 10\nf -1 # keep this\nf 0\n") ==
        "heap 64M poll=auto align=8\n"
        "alloc 0 10\n"
        "# f -1: frees nothing\n"
        "# keep this\n"
        "free 0\n");
}

TEST_CASE("sizes take the largest unit that divides them") {
  SizeBuffer buffer;
  CHECK(canonical_size(0, buffer) == "0");
  CHECK(canonical_size(1000, buffer) == "1000");
  CHECK(canonical_size(1024, buffer) == "1K");
  CHECK(canonical_size(1536, buffer) == "1536");
  CHECK(canonical_size(1536ULL * 1024, buffer) == "1536K");
  CHECK(canonical_size(1ULL << 40U, buffer) == "1024G");
  CHECK(canonical_size(~0ULL, buffer) == "18446744073709551615");
  CHECK(canonical_size(~0ULL << 10U, buffer) == "18014398509481983K");
}

TEST_CASE("the longest command fits its buffer") {
  const std::string name(64, 'n');
  const std::string digits = "18446744073709551615";
  std::string expect = "expect";
  for (const std::string_view key : key_words) (expect += ' ').append(key).append(" <= ") += digits;
  std::string queue = "expect queue";
  for (std::size_t i = 0; i < queue_names_max; ++i) queue += ' ' + name;
  std::string clone = "clone ";
  clone.append(name).append(" ").append(name);
  for (const std::string& command : {expect, queue, clone})
    CHECK(formatted(command) == command + "\n");
}

TEST_CASE("a step that no parser produced is truncated, not written past its buffer") {
  const std::string endless(100'000, 'n');
  Op op;
  op.kind = OpKind::clone;
  op.name = endless;
  op.new_name = endless;
  op.expectation_count = 255;
  CommandBuffer buffer;
  CHECK(format_op(op, buffer).size() == buffer.size());
  op.kind = OpKind::expect_keys;
  CHECK(format_op(op, buffer).size() < buffer.size());
  op.kind = OpKind::expect_queue;
  op.queue_names = endless;
  CHECK(format_op(op, buffer).size() == buffer.size());
}

TEST_CASE("a script with an error gives no output") {
  CHECK_THROWS_AS(formatted("heap 1K\npoll\nnonsense\n"), ScriptError);
}

TEST_CASE("formatting keeps the steps, and is idempotent") {
  RandomText random{1};
  for (int i = 0; i < tests::rounds(3000); ++i) {
    const std::string text = random.script();
    CAPTURE(text);
    const auto steps = steps_of(text);
    REQUIRE(steps.has_value());
    const std::string once = formatted(text);
    CHECK(steps_of(once) == steps);
    CHECK(formatted(once) == once);
  }
}

TEST_CASE("any bytes give a script or one ScriptError") {
  RandomText random{2};
  int accepted = 0;
  for (int i = 0; i < tests::rounds(20'000); ++i) {
    const std::string text = random.bytes();
    CAPTURE(text);
    const auto steps = steps_of(text);
    if (!steps) {
      CHECK_THROWS_AS((void)formatted(text), ScriptError);
      continue;
    }
    ++accepted;
    const std::string once = formatted(text);
    CHECK(formatted(once) == once);
  }
  CHECK(accepted > tests::rounds(500));
}
