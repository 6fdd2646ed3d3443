// RUN: %runner %build/tests/instrument_test
// purpose: shows that each call opens and closes exactly its bytes, and changes none.
// layer: tests; includes instrument.
// threads: none.
// invariants: in a build without a tool every call does nothing.
#include "mneme/instrument.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <span>

using namespace mneme;

namespace {

/// Whether the tool of this build lets us touch the byte; always, if there is no tool.
bool is_open(const std::byte* byte) {
#if defined(MNEME_ASAN)
  return __asan_address_is_poisoned(byte) == 0;
#elif defined(MNEME_VALGRIND)
  unsigned char bits = 0;
  const auto answer = VALGRIND_GET_VBITS(byte, &bits, 1);
  return answer == 0 || answer == 1;  // 0: not running under Valgrind
#else
  return byte != nullptr;
#endif
}

/// Whether a tool watches at all.
bool is_watched() {
#if defined(MNEME_ASAN)
  return true;
#elif defined(MNEME_VALGRIND)
  return RUNNING_ON_VALGRIND != 0;
#else
  return false;
#endif
}

/// The number of open bytes in [start, start + size).
std::size_t open_bytes(const std::byte* start, std::size_t size) {
  std::size_t open = 0;
  for (std::size_t i = 0; i < size; ++i) open += is_open(start + i) ? 1U : 0U;
  return open;
}

struct Buffer {
  alignas(64) std::byte bytes[64];
  Buffer() { std::memset(bytes, 0x5A, sizeof bytes); }
  ~Buffer() { instrument::mark_undefined(bytes, sizeof bytes); }

  /// Opens everything, past the tools, and looks for a change.
  [[nodiscard]] bool unchanged() {
    const instrument::ScopedUnpoison window(bytes, sizeof bytes);
    return std::ranges::count(bytes, std::byte{0x5A}) == 64;
  }
};

TEST_CASE("no_access closes its bytes and no others") {
  Buffer buffer;
  instrument::poison_free(buffer.bytes + 16, 24);
  CHECK(open_bytes(buffer.bytes, 16) == 16);
  CHECK(open_bytes(buffer.bytes + 16, 24) == (is_watched() ? 0 : 24));
  CHECK(open_bytes(buffer.bytes + 40, 24) == 24);
  CHECK(buffer.unchanged());
}

TEST_CASE("undefined opens its bytes, to the byte at their end") {
  Buffer buffer;
  instrument::poison_free(buffer.bytes, 64);
  instrument::mark_undefined(buffer.bytes + 8, 13);
  CHECK(open_bytes(buffer.bytes + 8, 13) == 13);
  CHECK(open_bytes(buffer.bytes, 64) == (is_watched() ? 13 : 64));
  CHECK(buffer.unchanged());
}

TEST_CASE("a window is open while it lives") {
  Buffer buffer;
  instrument::poison_free(buffer.bytes, 64);
  {
    const instrument::ScopedUnpoison window(buffer.bytes + 16, 16);
    CHECK(open_bytes(buffer.bytes + 16, 16) == 16);
    CHECK(buffer.bytes[16] == std::byte{0x5A});  // and readable as it was
    CHECK(open_bytes(buffer.bytes, 64) == (is_watched() ? 16 : 64));
  }
  CHECK(open_bytes(buffer.bytes, 64) == (is_watched() ? 0 : 64));
  CHECK(buffer.unchanged());
}

TEST_CASE("given, resized and returned change no byte, and touch nothing outside of the payload") {
  // What is behind may be another's header that another thread looks at just now, or no part of
  // the region at all.
  Buffer buffer;
  const auto behind = [&](std::size_t offset) {
    return open_bytes(buffer.bytes + offset, 64 - offset) == 64 - offset;
  };
  instrument::on_malloc(buffer.bytes + 8, 16);
  instrument::mark_undefined(buffer.bytes + 8, 16);
  CHECK(behind(8));
  instrument::on_resize(buffer.bytes + 8, 16, 32);
  CHECK(behind(40));
  instrument::mark_undefined(buffer.bytes + 24, 16);
  CHECK(behind(8));
  instrument::on_resize(buffer.bytes + 8, 32, 8);
  CHECK(behind(40));
  instrument::on_free(buffer.bytes + 8);
  CHECK(behind(40));
  CHECK(buffer.unchanged());
}

TEST_CASE("no bytes are legal everywhere") {
  Buffer buffer;
  instrument::poison_free(buffer.bytes + 8, 0);
  instrument::mark_undefined(buffer.bytes + 64, 0);
  {
    const instrument::ScopedUnpoison window(buffer.bytes + 16, 0);
  }
  CHECK(open_bytes(buffer.bytes, 64) == 64);
}

}  // namespace
