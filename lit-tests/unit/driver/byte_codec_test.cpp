// purpose: shows that any bytes decode to a valid script, and that no step is lost on the way.
// layer: tests; includes the driver's codec and parser.
// threads: none.
// invariants: random inputs come from a fixed seed, so that a failure can be repeated.
// RUN: %runner %build/tests/byte_codec_test
#include "driver/language/byte_codec.hpp"

#include <doctest/doctest.h>

#include <array>
#include <random>
#include <string>
#include <string_view>

#include "driver/language/diagnostic.hpp"
#include "driver/language/parser.hpp"

using namespace mneme::driver;

namespace {

Bytes encoded(std::string_view text) {
  Source source{text, "test.mn"};
  Parser parser{source};
  Encoder encoder;
  Op op;
  while (parser.next(op)) encoder.add(op);
  return encoder.bytes();
}

std::string decoded(const Bytes& bytes) { return text_of(decode(bytes)); }

std::string complaint_about(std::string_view text) {
  try {
    (void)encoded(text);
  } catch (const ScriptError& error) {
    return std::to_string(error.diagnostic().line) + ": " + error.what();
  }
  return "none";
}

}  // namespace

TEST_CASE("any bytes decode to a script that parses and encodes to the same steps") {
  std::mt19937 engine{1};  // NOLINT(bugprone-random-generator-seed)
  for (int round = 0; round < 3000; ++round) {
    Bytes bytes(engine() % 200);
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(engine() % 256);
    const std::string text = decoded(bytes);
    CAPTURE(text);
    REQUIRE_EQ(decoded(encoded(text)), text);
  }
}

TEST_CASE("every kind of step and argument is kept") {
  const std::string_view text =
      "heap 1000 poll=auto align=8\n"
      "alloc a 127\n"
      "alloc b 128 align=64\n"
      "alloc with_a-long.NAME 4097 try\n"
      "alloc n0 12287 align=1 guard\n"
      "alloc n1 12K\n"
      "alloc n31 1G\n"
      "alloc n32 18446744073709551615 align=8589934592G\n"
      "free a\nfree b defer\ncancel a\npoll\nlock\nunlock\nresize a 16M\nleak a\nunleak "
      "a\nclose\nextend 70000\n"
      "expect a waiting\nexpect a closed\n"
      "expect used 1 free 2 largest 3 live 4 waiting 5 deferred 6\nexpect deferred 70000\n"
      "expect used <= 1 peak >= 2 refused 3\nexpect refused 0 waiting 0 live <= 70000\n"
      "expect a at 70000\nexpect queue\nexpect queue a with_a-long.NAME n31\n"
      "stat\nmap\narray c 2305843009213693953\nvec d 0\npush d\narc e\nclone e f\ndrop f\n";
  CHECK_EQ(decoded(encoded(text)), text);
}

TEST_CASE("numbers at every limit of the format are kept") {
  std::string text = "heap 0 align=8\n";
  for (unsigned bit = 0; bit < 64; ++bit) {
    for (const std::uint64_t off : {~std::uint64_t{0}, std::uint64_t{0}, std::uint64_t{1}}) {
      text += "vec v " + std::to_string((std::uint64_t{1} << bit) + off) + "\n";
    }
  }
  for (const unsigned number : {0x7FU, 0x80U, 4160U, 4224U, 0x2FFFU, 0x3000U}) {
    text += "vec v " + std::to_string(number) + "\n";
  }
  CHECK_EQ(decoded(encoded(text)), text);
}

TEST_CASE("a default name that is taken goes to the next name") {
  const std::string_view text = "heap 64 align=8\narc x\narc n0\narc n2\narc n1\narc y\n";
  CHECK_EQ(decoded(encoded(text)), text);
}

TEST_CASE("names at every limit of the format are kept, and can be used again") {
  for (const int count : {31, 32, 33, 34, 255, 256, 257, 288, 513}) {
    CAPTURE(count);
    std::string text = "heap 64 align=8\n";
    for (int i = 0; i < count; ++i) text += "alloc x" + std::to_string(i) + " 8\n";
    for (int i = 0; i < count; ++i) text += "free x" + std::to_string(i) + "\n";
    CHECK_EQ(decoded(encoded(text)), text);
  }
  for (const std::size_t length : {1U, 63U, 64U}) {
    const std::string text = "heap 64 align=8\narc " + std::string(length, 'z') + "\narc n0\n";
    CHECK_EQ(decoded(encoded(text)), text);
  }
}

TEST_CASE("raw heaps are encoded by their index in the caller's list, the default first") {
  constexpr std::array<std::string_view, 3> plain{default_raw_heap, "best-fit", "other"};
  const RawNames raw_heaps{.plain = plain};
  const std::string_view text = "heap 64 raw=other poll=auto align=8\n";
  Source source{text, "test.mn"};
  Parser parser{source};
  Encoder encoder{raw_heaps};
  Op op;
  while (parser.next(op)) encoder.add(op);
  CHECK_EQ(encoder.bytes().front(), 1 + 2 * 8);
  CHECK_EQ(text_of(decode(encoder.bytes(), raw_heaps)), text);
  CHECK_EQ(decoded(encoder.bytes()), "heap 64 poll=auto align=8\n");
}

TEST_CASE("raw heaps with a size have the indices after the others") {
  constexpr std::array<std::string_view, 2> plain{default_raw_heap, "best-fit"};
  constexpr std::array<std::string_view, 2> sized{"pool", "chain"};
  const RawNames raw_heaps{.plain = plain, .sized = sized};
  for (const std::string_view text : {"heap 64 raw=chain:70000 poll=auto\nalloc n0 9\n",
                                      "heap 64 raw=pool:0 align=8\narc n0\n"}) {
    Source source{text, "test.mn"};
    Parser parser{source};
    Encoder encoder{raw_heaps};
    Op op;
    while (parser.next(op)) encoder.add(op);
    CHECK_EQ(text_of(decode(encoder.bytes(), raw_heaps)), text);
  }
  CHECK_EQ(text_of(decode(Bytes{2 * 8, 64, 9}, raw_heaps)), "heap 64 raw=pool:9 align=8\n");
  CHECK_EQ(text_of(decode(Bytes{1 * 8, 64, 2}, raw_heaps)), "heap 64 raw=best-fit align=8\npoll\n");
}

TEST_CASE("the older form of expected figures has the keys that existed when the seeds were made") {
  CHECK_EQ(decoded({0, 64, 31, 4, 9}), "heap 64 align=8\nexpect waiting 9\n");
  CHECK_EQ(decoded({0, 64, 31, 6, 9}), "heap 64 align=8\nexpect used 9\n");
  CHECK_EQ(encoded("heap 64 align=8\nexpect waiting 9\n"), Bytes{0, 64, 31, 4, 9});
}

TEST_CASE("a step that is newer than the seeds has a code after theirs") {
  CHECK_EQ(decoded({0, 64, 29 | 4U << 5U, 0, 9}), "heap 64 align=8\nextend 9\n");
}

TEST_CASE("missing bytes count as zeros") {
  CHECK_EQ(decoded({}), "heap 0 align=8\n");
  CHECK_EQ(decoded({1}), "heap 0 poll=auto align=8\n");
  CHECK_EQ(decoded({0, 64, 0}), "heap 64 align=8\nalloc n0 0\n");
}

TEST_CASE("a heap has the alignment of the seeds, unless its bytes contain another") {
  CHECK_EQ(decoded({0, 64, 0x20, 0, 9, 3}), "heap 64 align=8\nalloc n0 9\n");
  CHECK_EQ(decoded({4, 64, 5, 0x20, 0, 9, 3}), "heap 64 align=32\nalloc n0 9 align=8\n");
  for (const std::string_view text :
       {"heap 64\nalloc a 9\nalloc b 9 align=8\n", "heap 64 align=8\nalloc a 9 align=16\n",
        "heap 64 poll=auto align=8589934592G\nalloc a 9 align=1\n"}) {
    CHECK_EQ(decoded(encoded(text)), text);
  }
}

TEST_CASE("a step that the bytes cannot express is reported with its line") {
  CHECK_EQ(complaint_about("heap 64 raw=other\n"),
           "1: raw heap 'other' has no number in the fuzzers' bytes");
  CHECK_EQ(complaint_about("1\n1\n1\n1\nr 0 8\n"), "none");  // of malloclab, but steps all the same
  std::string text = "heap 64\n";
  for (int i = 0; i < 16384; ++i) text += "arc a" + std::to_string(i) + "\n";
  CHECK_EQ(complaint_about(text), "none");
  CHECK_EQ(complaint_about(text + "arc more\n"), "16386: more than 16,384 names");
}
