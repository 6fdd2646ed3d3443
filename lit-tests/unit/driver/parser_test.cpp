// purpose: shows how the parser reads each command, option and column, and malloclab traces.
// layer: tests; includes the driver's front end.
// threads: none.
// invariants: the diagnostics of wrong lines are tested in lit-tests/cli.
// RUN: %runner %build/tests/parser_test
#include "driver/language/parser.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "driver/language/format_op.hpp"

using namespace mneme::driver;

namespace {

/// The canonical texts of all steps.
std::vector<std::string> steps(std::string_view text, ParserOptions options = {}) {
  Source source{text, "test.mn"};
  Parser parser{source, std::move(options)};
  std::vector<std::string> result;
  CommandBuffer buffer;
  Op op;
  while (parser.next(op)) result.emplace_back(format_op(op, buffer));
  return result;
}

/// Parses one command after a heap line, and passes its Op to `check` while its views are valid.
template <class Check>
void with_op(const std::string& command, Check check) {
  const std::string text = "heap 1K\n" + command + "\n";
  Source source{text, "test.mn"};
  Parser parser{source};
  Op op;
  REQUIRE(parser.next(op));
  REQUIRE(parser.next(op));
  check(op);
  CHECK(!parser.next(op));
}

std::string message_of(std::string_view text, ParserOptions options = {}) {
  try {
    (void)steps(text, std::move(options));
  } catch (const ScriptError& error) {
    return error.diagnostic().message;
  }
  return "no error";
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("a heap line has a size, a raw heap and a poll mode") {
  Source source{"heap 64M poll=auto raw=other  # comment\n", "test.mn"};
  Parser parser{source};
  Op op;
  REQUIRE(parser.next(op));
  CHECK(op.kind == OpKind::heap);
  CHECK(op.size_bytes == 64U << 20U);
  CHECK(op.raw == "other");
  CHECK(op.poll_mode == PollMode::automatic);
  CHECK(!op.synthetic);
  CHECK(op.number_column == 6);
  CHECK(op.poll_column == 15);
  CHECK(op.raw_column == 24);
}

TEST_CASE("what is left out has its default, and no column") {
  Source source{"heap 1K\nalloc a 600\n", "test.mn"};
  Parser parser{source};
  Op op;
  REQUIRE(parser.next(op));
  CHECK(op.raw == "bounded");
  CHECK(op.poll_mode == PollMode::manual);
  CHECK(op.raw_column == 0);
  CHECK(op.poll_column == 0);
  REQUIRE(parser.next(op));
  CHECK(op.mode == AllocMode::wait);
  CHECK(op.align_bytes == 16);
  CHECK_FALSE(op.has_align);
  CHECK(op.align_column == 0);
  CHECK(op.mode_column == 0);
}

TEST_CASE("every argument and option of alloc has its value and its column") {
  with_op("\talloc  big.block-1_x 4G guard\talign=1M#comment", [](const Op& op) {
    CHECK(op.kind == OpKind::alloc);
    CHECK(op.name == "big.block-1_x");
    CHECK(op.size_bytes == std::uint64_t{4} << 30U);
    CHECK(op.align_bytes == 1U << 20U);
    CHECK(op.mode == AllocMode::guard);
    CHECK(op.line == 2);
    CHECK(op.column == 2);
    CHECK(op.name_column == 9);
    CHECK(op.number_column == 23);
    CHECK(op.mode_column == 26);
    CHECK(op.align_column == 38);
    CHECK(op.file == "test.mn");
    CHECK(op.source_line == "\talloc  big.block-1_x 4G guard\talign=1M#comment");
  });
  with_op("alloc a 0 try", [](const Op& op) {
    CHECK(op.mode == AllocMode::try_now);
    CHECK(op.size_bytes == 0);
  });
}

TEST_CASE("a raw heap may have a size after its name") {
  Source source{"heap 64 raw=other:4K\n", "test.mn"};
  Parser parser{source};
  Op op;
  REQUIRE(parser.next(op));
  CHECK(op.raw == "other");
  CHECK(op.raw_bytes == 4096);
  CHECK(op.raw_column == 13);
  CHECK(op.raw_number_column == 19);
  set_raw_heap(op, "x");
  CHECK(op.raw == "x");
  CHECK_FALSE(op.raw_bytes.has_value());
}

TEST_CASE("each command gives its own kind, and its arguments") {
  struct Row {
    std::string text;
    OpKind kind;
  };
  const std::vector<Row> rows{
      {"free a", OpKind::free},
      {"cancel a", OpKind::cancel},
      {"poll", OpKind::poll},
      {"lock", OpKind::lock},
      {"unlock", OpKind::unlock},
      {"resize a 7", OpKind::resize},
      {"leak a", OpKind::leak},
      {"unleak a", OpKind::unleak},
      {"close", OpKind::close},
      {"extend 7", OpKind::extend},
      {"expect a freed", OpKind::expect_state},
      {"stat", OpKind::stat},
      {"expect live 7", OpKind::expect_keys},
      {"map", OpKind::map},
      {"array a 7", OpKind::array},
      {"vec a 7", OpKind::vec},
      {"push a", OpKind::push},
      {"arc a", OpKind::arc},
      {"clone a b", OpKind::clone},
      {"drop a", OpKind::drop},
      {"alloc a 7", OpKind::alloc},
      {"expect a at 7", OpKind::expect_at},
      {"expect queue a", OpKind::expect_queue},
      {"expect queue", OpKind::expect_queue},
      {"free a defer", OpKind::free},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    with_op(row.text, [&](const Op& op) {
      CHECK(op.kind == row.kind);
      if (op.name_column != 0) CHECK(op.name == "a");
      CHECK(op.defer == (row.text == "free a defer"));
      if (op.kind == OpKind::clone) {
        CHECK(op.new_name == "b");
        CHECK(op.new_name_column == 9);
      }
      if (op.kind == OpKind::array || op.kind == OpKind::vec) CHECK(op.count == 7);
      if (op.kind == OpKind::alloc || op.kind == OpKind::resize) CHECK(op.size_bytes == 7);
      CommandBuffer buffer;
      CHECK(format_op(op, buffer) == row.text);
    });
  }
}

TEST_CASE("expect takes a state, or keys with numbers in the order given") {
  with_op("expect used closed", [](const Op& op) {
    CHECK(op.kind == OpKind::expect_state);
    CHECK(op.name == "used");
    CHECK(op.state == State::closed);
    CHECK(op.state_column == 13);
  });
  with_op("expect waiting waiting", [](const Op& op) {
    CHECK(op.kind == OpKind::expect_state);
    CHECK(op.state == State::waiting);
  });
  with_op("expect deferred 1 waiting 2 live 3 largest 4 free 5 used 6K", [](const Op& op) {
    CHECK(op.kind == OpKind::expect_keys);
    REQUIRE(op.expectation_count == 6);
    CHECK(op.expectations[0].key == Key::deferred);
    CHECK(op.expectations[0].key_column == 8);
    CHECK(op.expectations[0].number_column == 17);
    CHECK(op.expectations[1].key == Key::waiting);
    CHECK(op.expectations[2].number == 3);
    CHECK(op.expectations[5].key == Key::used);
    CHECK(op.expectations[5].number == 6144);
  });
}

TEST_CASE("an expected figure may be compared by <= and >=") {
  with_op("expect used <= 1K peak >= 2 refused 3", [](const Op& op) {
    REQUIRE(op.expectation_count == 3);
    CHECK(op.expectations[0].comparison == Comparison::at_most);
    CHECK(op.expectations[0].number == 1024);
    CHECK(op.expectations[0].number_column == 16);
    CHECK(op.expectations[1].comparison == Comparison::at_least);
    CHECK(op.expectations[1].key == Key::peak);
    CHECK(op.expectations[2].comparison == Comparison::equal);
    CHECK(op.expectations[2].key == Key::refused);
  });
}

TEST_CASE("an expectation of the queue is distinguished from a block of that name") {
  with_op("expect queue  b\tc # two", [](const Op& op) {
    CHECK(op.kind == OpKind::expect_queue);
    CHECK(op.queue_names == "b\tc");
    CHECK(op.queue_column == 15);
  });
  with_op("expect queue granted", [](const Op& op) {
    CHECK(op.kind == OpKind::expect_state);
    CHECK(op.name == "queue");
  });
  with_op("expect queue at 8", [](const Op& op) { CHECK(op.kind == OpKind::expect_at); });
  with_op("expect at at 8", [](const Op& op) { CHECK(op.name == "at"); });
}

TEST_CASE("sizes may have 64 bits") {
  with_op("alloc a 18446744073709551615", [](const Op& op) { CHECK(op.size_bytes == ~0ULL); });
  with_op("alloc a 17179869183G", [](const Op& op) { CHECK(op.size_bytes == ~0ULL << 30U); });
  with_op("alloc a 0007K", [](const Op& op) { CHECK(op.size_bytes == 7168); });
  with_op("alloc a 0G align=9223372036854775808", [](const Op& op) {
    CHECK(op.size_bytes == 0);
    CHECK(op.align_bytes == 1ULL << 63U);
  });
}

TEST_CASE("names have up to 64 characters, and may look like numbers or keywords") {
  const std::string longest(64, 'x');
  with_op("free " + longest, [&](const Op& op) { CHECK(op.name == longest); });
  for (const std::string name : {"alloc", "0", "-1", ".", "_", "waiting", "64M"}) {
    with_op("free " + name, [&](const Op& op) { CHECK(op.name == name); });
  }
}

TEST_CASE("blank lines, comments and line ends are skipped, and counted") {
  Source source{"\n# first\r\n \t\nheap 1K\r\n  # ä€\npoll", "test.mn"};
  Parser parser{source};
  Op op;
  REQUIRE(parser.next(op));
  CHECK(op.line == 4);
  REQUIRE(parser.next(op));
  CHECK(op.kind == OpKind::poll);
  CHECK(op.line == 6);
  CHECK(!parser.next(op));
  CHECK(!parser.next(op));
}

TEST_CASE("a script without commands has no steps and no error") {
  CHECK(steps("").empty());
  CHECK(steps("# nothing\n\n").empty());
  CHECK(steps("# nothing\n\n", {.default_heap_bytes = 1024}).empty());
}

TEST_CASE("with a default size the heap line may be missing; if present, it applies") {
  CHECK(steps("\npoll\nstat\n", {.default_heap_bytes = 2048}) == Texts{"heap 2K", "poll", "stat"});
  CHECK(steps("heap 1K\npoll\n", {.default_heap_bytes = 2048}) == Texts{"heap 1K", "poll"});
  CHECK(message_of("poll\nheap 1K\n", {.default_heap_bytes = 2048}) ==
        "a second heap needs a name: 'heap NAME SIZE'; the first is on line 1");
}

TEST_CASE("a malloclab trace gives a heap that polls by itself, and its steps") {
  Source source{"20000\n2\n5\n1\na 0 512\nr 0 1024\nf -1\nr 1 8\nf 0\n", "test.rep"};
  std::vector<std::string> warnings;
  Parser parser{source,
                {.on_warning = [&](const Diagnostic& d) { warnings.push_back(d.message); }}};
  Op op;
  REQUIRE(parser.next(op));
  CHECK(parser.is_malloclab());
  CHECK(op.kind == OpKind::heap);
  CHECK(op.synthetic);
  CHECK(op.size_bytes == malloclab_heap_bytes);
  CHECK(op.poll_mode == PollMode::automatic);
  CHECK(op.line == 1);
  REQUIRE(parser.next(op));
  CHECK(op.kind == OpKind::alloc);
  CHECK(op.name == "0");
  CHECK(op.size_bytes == 512);
  CHECK(op.line == 5);
  CHECK(!op.synthetic);
  REQUIRE(parser.next(op));
  CHECK(op.kind == OpKind::resize);
  CHECK(op.number_column == 5);
  REQUIRE(parser.next(op));  // `f -1` is no step
  CHECK(op.kind == OpKind::alloc);
  CHECK(op.name == "1");
  CHECK(op.line == 8);
  REQUIRE(parser.next(op));
  CHECK(op.kind == OpKind::free);
  CHECK(!parser.next(op));
  CHECK(warnings.empty());
}

TEST_CASE("a default size is that of a malloclab trace, too") {
  CHECK(steps("0\n1\n1\n1\na 0 8\n", {.default_heap_bytes = 4096}) ==
        Texts{"heap 4K poll=auto align=8", "alloc 0 8"});
}

TEST_CASE("wrong headers of malloclab traces cause warnings, one for each fault") {
  std::string warnings;
  const auto warn = [&](const Diagnostic& d) { warnings += render(d); };
  CHECK(steps("0\n1\n7\n1\na 0 8\na 1 8\na 2 8\n", {.on_warning = warn}).size() == 4);
  CHECK(warnings ==
        "test.mn:6:3: warning: ID '1' is not below the number of ids in the header, 1 "
        "(reported once)\na 1 8\n  ^\n"
        "test.mn:3:1: warning: the header announces 7 steps, but 3 follow\n");
  CHECK(steps("0\n1\n7\n1\na 5 8\n").size() == 2);  // without a callback: nothing, quietly
}

TEST_CASE("leading zeros of malloclab ids are dropped; an id allocated twice is freed in between") {
  CHECK(steps("a 007 8\na 7 16\nr 07 0\nr 7 24\nf 8\nf 000\na 000 8\n") ==
        Texts{"heap 64M poll=auto align=8", "alloc 7 8", "free 7", "alloc 7 16", "free 7",
              "alloc 7 24", "alloc 0 8"});
}

TEST_CASE("only a line with a numeric id is recognised as a malloclab step") {
  CHECK(message_of("a x 8\n").starts_with("unknown command 'a'"));
  CHECK(message_of("f\n").starts_with("unknown command 'f'"));
}

TEST_CASE("a number is a malloclab header only before the first command") {
  CHECK(message_of("heap 1K\n12\n").starts_with("unknown command '12'; expected heap, alloc, "));
}

TEST_CASE("the run's own errors point into the line") {
  with_op("free a  # late", [](const Op& op) {
    try {
      fail_at(op, op.name_column, "unknown name 'a'");
    } catch (const ScriptError& error) {
      CHECK(render(error.diagnostic()) ==
            "test.mn:2:6: error: unknown name 'a'\nfree a  # late\n     ^\n");
      CHECK(std::string{error.what()} == "unknown name 'a'");
    }
    CHECK_THROWS_AS(fail_at(op, 0, "x"), ScriptError);
  });
}

TEST_CASE("a plain line gives the same step as one with another blank, or with a comment") {
  const std::string longest(name_length_max, 'n');
  for (const std::string line :
       {"free a", "alloc a 600", "resize a 0", "alloc b.-_Z9 000000000000000018", "free free"}) {
    const std::size_t blank = line.find(' ');
    with_op(line, [&](const Op& plain) {
      with_op(std::string(line).insert(blank, " "), [&](const Op& other) {
        CommandBuffer buffer;
        const std::string text{format_op(plain, buffer)};
        CHECK(text == format_op(other, buffer));
        CHECK(plain.name_column == blank + 2);
        CHECK(plain.name_column + 1 == other.name_column);
        CHECK(plain.number_column + (plain.number_column == 0 ? 0 : 1) == other.number_column);
        CHECK(plain.column == other.column);
        CHECK(plain.line == other.line);
        CHECK(plain.has_align == other.has_align);
        CHECK(plain.align_bytes == other.align_bytes);
      });
      with_op(line + " # or not", [&](const Op& other) {
        CHECK(plain.name == other.name);
        CHECK(plain.number_column == other.number_column);
        CHECK(plain.size_bytes == other.size_bytes);
      });
    });
  }
  with_op("free " + longest, [&](const Op& op) { CHECK(op.name == longest); });
  CHECK(message_of("heap 1K\nfree " + longest + "n\n").contains("of 65 characters"));
  CHECK(message_of("heap 1K\nalloc a\n").starts_with("missing SIZE"));
  CHECK(message_of("heap 1K\nalloc a 99999999999999999999\n").contains("64 bits"));
  CHECK(message_of("heap 1K\nfree a b\n").starts_with("unexpected 'b'"));
  CHECK(message_of("alloc a 8\n").starts_with("the first command must be 'heap SIZE'"));
  CHECK(steps("heap 1K\nalloc a 9223372036854775807\nalloc b 4K\n") ==
        Texts{"heap 1K", "alloc a 9223372036854775807", "alloc b 4K"});
}
