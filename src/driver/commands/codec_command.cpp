// purpose: reading and printing around the codec.
// layer: commands; includes codec, codec_command, input_file, parser.
// threads: as in the header.
// invariants: as in the header.
#include "codec_command.hpp"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "driver/language/byte_codec.hpp"
#include "driver/language/diagnostic.hpp"
#include "driver/language/parser.hpp"
#include "input_file.hpp"

namespace mneme::driver {

namespace {

Bytes read_bytes(const std::string& path) {
  const auto fail = [&] {
    throw InputError(fmt::format("cannot read '{}': {}", path, std::strerror(errno)));
  };
  const InputFile file = open_input(path);
  if (!file) fail();
  Bytes bytes;
  std::array<std::uint8_t, 4096> chunk;
  while (const std::size_t count = std::fread(chunk.data(), 1, chunk.size(), file.get())) {
    bytes.insert(bytes.end(), chunk.begin(), chunk.begin() + static_cast<std::ptrdiff_t>(count));
  }
  if (std::ferror(file.get()) != 0) fail();
  return bytes;
}

}  // namespace

void run_encode(const std::string& path, Output& output) {
  Source source = Source::open(path);
  Parser parser(source);
  Encoder encoder;
  Op op;
  while (parser.next(op)) encoder.add(op);
  if (encoder.bytes().empty()) {
    throw ScriptError(
        {Severity::error, source.name(), 1, 1, "no command; the first must be 'heap SIZE'", {}});
  }
  std::string text(encoder.bytes().size(), '\0');
  std::memcpy(text.data(), encoder.bytes().data(), text.size());
  output.print("{}", text);
  output.flush();
}

void run_decode(const std::string& path, Output& output) {
  output.print("{}", text_of(decode(read_bytes(path))));
  output.flush();
}

}  // namespace mneme::driver
