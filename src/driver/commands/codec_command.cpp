// purpose: reads the input of the codec, and prints its output.
// layer: commands; includes codec, codec_command, input, parser.
// threads: as in the header.
// invariants: as in the header.
#include "codec_command.hpp"

#include <fmt/format.h>

#include <cstring>

#include "driver/language/byte_codec.hpp"
#include "driver/language/diagnostic.hpp"
#include "driver/language/input.hpp"
#include "driver/language/parser.hpp"
#include "raw_heaps/table.hpp"

namespace mneme::driver {

namespace {

constexpr RawNames raw_names{.plain = RawHeaps::names, .sized = sized_raw_heaps};

Bytes read_bytes(const std::string& path) {
  const std::string text = read_whole(path);
  Bytes bytes(text.size());
  if (!text.empty()) std::memcpy(bytes.data(), text.data(), text.size());
  return bytes;
}

}  // namespace

void run_encode(const std::string& path, Output& output) {
  Source source = Source::open(path);
  Parser parser(source);
  Encoder encoder(raw_names);
  Op op;
  while (parser.next(op)) encoder.add(op);
  if (encoder.bytes().empty()) {
    throw ScriptError({Severity::error,
                       source.name(),
                       1,
                       1,
                       "no command; the first one must be 'heap SIZE'",
                       {}});
  }
  std::string text(encoder.bytes().size(), '\0');
  std::memcpy(text.data(), encoder.bytes().data(), text.size());
  output.print("{}", text);
  output.flush();
}

void run_decode(const std::string& path, Output& output) {
  output.print("{}", text_of(decode(read_bytes(path), raw_names)));
  output.flush();
}

}  // namespace mneme::driver
