// purpose: shows how lines are read from memory, files and pipes: line ends, limits, errors.
// layer: tests; includes driver/source and POSIX.
// threads: one writer for a pipe.
// invariants: no files of its own: a pipe as standard input takes their place.
// RUN: %runner %build/tests/source_test
#include "driver/language/source.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "driver/language/diagnostic.hpp"

using namespace mneme::driver;

namespace {

std::vector<std::string> lines_of(Source& source) {
  std::vector<std::string> lines;
  std::string_view line;
  while (source.next_line(line)) lines.emplace_back(line);
  return lines;
}

std::vector<std::string> lines_of(std::string_view text) {
  Source source{text, "text"};
  return lines_of(source);
}

/// The lines of standard input: a pipe that a thread writes to in pieces.
std::vector<std::string> lines_through_pipe(const std::string& text, std::size_t piece_size_bytes,
                                            int flags = 0,
                                            LongLines long_lines = LongLines::refuse) {
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  REQUIRE(::fcntl(ends[0], F_SETFL, flags) == 0);
  REQUIRE(::dup2(ends[0], STDIN_FILENO) == STDIN_FILENO);
  ::close(ends[0]);
  std::jthread writer{[&] {
    for (std::size_t at = 0; at < text.size(); at += piece_size_bytes) {
      const std::size_t count = std::min(piece_size_bytes, text.size() - at);
      CHECK(::write(ends[1], text.data() + at, count) == static_cast<ssize_t>(count));
    }
    ::close(ends[1]);
  }};
  Source source = Source::open("-", long_lines);
  CHECK(source.name() == "<stdin>");
  std::vector<std::string> lines = lines_of(source);
  writer.join();
  return lines;
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("lines end with LF or CRLF; the last one need not") {
  CHECK(lines_of("").empty());
  CHECK(lines_of("\n") == Lines{""});
  CHECK(lines_of("a") == Lines{"a"});
  CHECK(lines_of("a\n") == Lines{"a"});
  CHECK(lines_of("a\r\nb\n\nc\r") == Lines{"a", "b", "", "c"});
  CHECK(lines_of("a\nb\rc\r\r\n") == Lines{"a", "b\rc"});
}

TEST_CASE("lines end with CR if the first one does") {
  CHECK(lines_of("a\rb\r\rc") == Lines{"a", "b", "", "c"});
  CHECK(lines_of("a\rb\nc\r") == Lines{"a", "b", "c"});
  CHECK(lines_of("a\r\r\nb\r\n") == Lines{"a", "b"});
  CHECK(lines_through_pipe("a\rbc\rd\r", 1) == Lines{"a", "bc", "d"});
  CHECK(lines_through_pipe("a\r\nbc\r\n", 1) == Lines{"a", "bc"});
}

TEST_CASE("a long line is truncated, and the next one is read, if so configured") {
  const std::string text = "a\n" + std::string(200'000, 'x') + "\nb\n" +
                           std::string(line_length_max, 'y') + "\n" + std::string(70'000, 'z');
  for (const std::size_t piece_size_bytes : {1'000U, 70'000U, 1'000'000U}) {
    const Lines lines = lines_through_pipe(text, piece_size_bytes, 0, LongLines::cut);
    REQUIRE(lines.size() == 5);
    CHECK(lines[1] == std::string(line_length_max + 1, 'x'));
    CHECK(lines[2] == "b");
    CHECK(lines[3] == std::string(line_length_max, 'y'));
    CHECK(lines[4] == std::string(line_length_max + 1, 'z'));
  }
}

TEST_CASE("a byte order mark of UTF-8 is skipped at the start, and only there") {
  CHECK(lines_of("\xEF\xBB\xBFheap 1K\n\xEF\xBB\xBF") == Lines{"heap 1K", "\xEF\xBB\xBF"});
  CHECK(lines_of("\xEF\xBB\xBF").empty());
  CHECK(lines_through_pipe("\xEF\xBB\xBFheap 1K\n", 1) == Lines{"heap 1K"});
}

TEST_CASE("data that is not text is reported, however it is divided into pieces") {
  const auto what = [](std::string_view text) -> std::string {
    try {
      (void)lines_of(text);
      (void)lines_through_pipe(std::string{text}, 1);
      return "text";
    } catch (const InputError& error) {
      return error.what();
    }
  };
  using namespace std::string_view_literals;
  CHECK(what("\xFF\xFE=\0 \0\n\0"sv) ==
        "'text' is UTF-16 text; convert it by: iconv -f UTF-16 -t UTF-8 text");
  CHECK(what("\xFE\xFF\0=\0 \0\n"sv).starts_with("'text' is UTF-16 text"));
  CHECK(what("\xFF\xFE\0\0=\0\0\0\n\0\0\0"sv).starts_with("'text' is UTF-32 text"));
  CHECK(what("\0\0\xFE\xFF\0\0\0="sv).starts_with("'text' is UTF-32 text"));
  CHECK(what("a\0 \0"sv).contains("iconv -f UTF-16LE"));
  CHECK(what("\0a\0 "sv).contains("iconv -f UTF-16BE"));
  CHECK(what("\n\0a\0"sv).contains("iconv -f UTF-16LE"));
  CHECK(what("\x1F\x8B\x08\n"sv) == "'text' is compressed by gzip; unpack it by: gzip -dc text");
  CHECK(what("\xFD\x37zXZ\0\n"sv).contains("xz -dc"));
  CHECK(what("\x28\xB5\x2F\xFD\n"sv).contains("zstd -dc"));
  CHECK(what("BZh91AY&SY\n"sv).contains("bzip2 -dc"));
  CHECK(what("\x04\x22\x4D\x18\n"sv).contains("lz4 -dc"));
  CHECK(what("PK\x03\x04\n"sv).contains("unzip -p"));
  CHECK(what("\x7F\x45LF\2\1\1\n"sv) ==
        "'text' is an ELF file (a program, library or core dump), not text");
  for (const std::string_view text : {"\0\0\0\0\0\0\0\0"sv, "a\0"sv, "\xFF\n"sv, "BZh9\n"sv,
                                      "PK\n"sv, "a\0b\0\n"sv.substr(0, 3), "\xEF\xBB"sv, "\n"sv}) {
    CHECK(what(text) == "text");
  }
}

TEST_CASE("line numbers count from one") {
  Source source{"a\n\nc", "text"};
  std::string_view line;
  CHECK(source.line_number() == 0);
  for (std::uint64_t number = 1; number <= 3; ++number) {
    REQUIRE(source.next_line(line));
    CHECK(source.line_number() == number);
  }
  CHECK(line == "c");
  CHECK(!source.next_line(line));
  CHECK(!source.next_line(line));
}

TEST_CASE("a line of 65,536 bytes is read, one more is an error at its position") {
  const std::string longest(line_length_max, 'x');
  CHECK(lines_of("a\n" + longest + "\nb") == Lines{"a", longest, "b"});
  CHECK(lines_of(longest) == Lines{longest});
  for (const std::string& text : {"a\n" + longest + "x", "a\n" + longest + "x\nb\n"}) {
    try {
      (void)lines_of(text);
      FAIL("the line was accepted");
    } catch (const ScriptError& error) {
      CHECK(error.diagnostic().line == 2);
      CHECK(error.diagnostic().column == 65'537);
      CHECK(error.diagnostic().message == "line longer than 65,536 bytes");
    }
  }
}

TEST_CASE("a stream gives the same lines, however it is split") {
  std::string text;
  Lines expected;
  for (std::size_t i = 0; i < 40; ++i) {
    expected.emplace_back(std::string((i * 7919) % 9000, static_cast<char>('a' + i % 26)));
    text += expected.back() + (i % 2 == 0 ? "\n" : "\r\n");
  }
  expected.emplace_back(line_length_max, 'z');
  text += expected.back();
  for (const std::size_t piece_size_bytes : {997U, 4096U, 65'536U, 1'000'000U}) {
    CAPTURE(piece_size_bytes);
    CHECK(lines_through_pipe(text, piece_size_bytes) == expected);
  }
  CHECK(lines_through_pipe("a\nbc\n", 1) == Lines{"a", "bc"});
}

TEST_CASE("a descriptor that does not block is waited for") {
  CHECK(lines_through_pipe("a\nbc\n", 1, O_NONBLOCK) == Lines{"a", "bc"});
}

TEST_CASE("a file that cannot be opened or read is reported with the reason") {
  CHECK_THROWS_WITH_AS((void)Source::open("no/such/file"),
                       "cannot read 'no/such/file': No such file or directory", InputError);
  Source directory = Source::open("/");
  std::string_view line;
  CHECK_THROWS_WITH_AS((void)directory.next_line(line), "cannot read '/': Is a directory",
                       InputError);
}
