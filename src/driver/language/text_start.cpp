// purpose: kinds of files by their first bytes.
// layer: language; includes text_start and diagnostic.
// threads: pure functions.
// invariants: as in the header.
#include "text_start.hpp"

#include <algorithm>
#include <array>

#include "diagnostic.hpp"

namespace mneme::driver {

namespace {

using namespace std::string_view_literals;

constexpr std::size_t deciding_bytes = 16;  // no kind needs more

/// A kind of file that must be converted before it is text.
struct FileKind {
  std::string_view first_bytes;
  std::string_view what;
  std::string_view remedy;  // ends with a command, which the file's name completes
};

constexpr std::string_view utf32 = "is UTF-32 text";
constexpr std::string_view utf32_remedy = "convert it by: iconv -f UTF-32 -t UTF-8";
constexpr std::string_view utf16 = "is UTF-16 text";
constexpr std::string_view utf16_remedy = "convert it by: iconv -f UTF-16 -t UTF-8";

// UTF-32's mark begins as UTF-16's does, so it comes first.
constexpr std::array file_kinds{
    FileKind{"\xFF\xFE\0\0"sv, utf32, utf32_remedy},
    FileKind{"\0\0\xFE\xFF"sv, utf32, utf32_remedy},
    FileKind{"\xFF\xFE"sv, utf16, utf16_remedy},
    FileKind{"\xFE\xFF"sv, utf16, utf16_remedy},
    FileKind{"\x1F\x8B"sv, "is compressed by gzip", "unpack it by: gzip -dc"},
    FileKind{"\xFD\x37zXZ\0"sv, "is compressed by xz", "unpack it by: xz -dc"},
    FileKind{"\x28\xB5\x2F\xFD"sv, "is compressed by zstd", "unpack it by: zstd -dc"},
    FileKind{"BZh91AY&SY"sv, "is compressed by bzip2", "unpack it by: bzip2 -dc"},
    FileKind{"\x04\x22\x4D\x18"sv, "is compressed by lz4", "unpack it by: lz4 -dc"},
    FileKind{"PK\x03\x04"sv, "is a zip archive", "unpack it by: unzip -p"},
    FileKind{"\x7F\x45LF"sv, "is an ELF file (a program, library or core dump), not text", ""},
};

constexpr FileKind utf16_little{"", utf16, "convert it by: iconv -f UTF-16LE -t UTF-8"};
constexpr FileKind utf16_big{"", utf16, "convert it by: iconv -f UTF-16BE -t UTF-8"};

bool is_ascii_text(char c) {
  return (c >= ' ' && c < '\x7F') || c == '\n' || c == '\r' || c == '\t';
}

/// UTF-16 without its mark: two characters of ASCII, each beside a NUL.
const FileKind* find_unmarked_utf16(std::string_view head) {
  if (head.size() < 4) return nullptr;
  const auto is_pair = [&](std::size_t text, std::size_t nul) {
    return is_ascii_text(head[text]) && is_ascii_text(head[text + 2]) && head[nul] == '\0' &&
           head[nul + 2] == '\0';
  };
  if (is_pair(0, 1)) return &utf16_little;
  return is_pair(1, 0) ? &utf16_big : nullptr;
}

const FileKind* find_kind(std::string_view head) {
  const auto kind = std::ranges::find_if(
      file_kinds, [&](const FileKind& known) { return head.starts_with(known.first_bytes); });
  return kind == file_kinds.end() ? find_unmarked_utf16(head) : &*kind;
}

}  // namespace

bool decides_text_start(std::string_view head) noexcept {
  return head.size() >= deciding_bytes || (head.size() >= 4 && head.contains('\n'));
}

std::size_t text_start(std::string_view head, const std::string& name) {
  if (const FileKind* kind = find_kind(head)) {
    std::string message = "'" + name + "' " + std::string{kind->what};
    if (!kind->remedy.empty()) {
      message += "; " + std::string{kind->remedy};
      if (!name.starts_with('<')) message += ' ' + name;  // unless it is `<stdin>`
    }
    throw InputError{message};
  }
  return head.starts_with(utf8_mark) ? utf8_mark.size() : 0;
}

}  // namespace mneme::driver
