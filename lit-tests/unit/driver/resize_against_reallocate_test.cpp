// purpose: shows how a script's resize compares with the library's reallocate.
// layer: tests; includes the driver and mneme.
// threads: one.
// invariants: what is done at once is the same, to the byte; only reallocate waits for room behind.
// RUN: %runner %build/tests/resize_against_reallocate_test
#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <map>
#include <mneme/waiting/reallocate.hpp>
#include <random>
#include <sstream>
#include <string>
#include <utility>

#include "support/driver/transcript.hpp"

namespace {

using Block = mneme::Allocation<>;

/// A heap of 1,024 bytes, whose transcript lines are as the driver's.
class Library {
 public:
  std::string alloc(const std::string& name, std::size_t size) {
    auto answer = heap_.allocate({size, 8}).poll();
    if (!answer) return "waiting";
    blocks_[name] = std::move(**answer);
    return "granted at " + place(name);
  }
  std::string free(const std::string& name) {
    blocks_.erase(name);
    return "freed";
  }
  std::string resize(const std::string& name, std::size_t size) {
    auto answer = heap_.reallocate(blocks_[name], size).poll();
    if (!answer || !*answer) return "waiting";  // or it is refused, as it could only wait in vain
    return (**answer == mneme::Reallocated::moved ? "moved to " : "resized at ") + place(name);
  }
  [[nodiscard]] const std::map<std::string, Block>& blocks() const { return blocks_; }

 private:
  [[nodiscard]] std::string place(const std::string& name) const {
    return std::to_string(static_cast<const std::byte*>(blocks_.at(name).data()) - region_.data());
  }

  alignas(16) std::array<std::byte, 1024> region_{};
  mneme::Heap heap_{region_};
  std::map<std::string, Block> blocks_;
};

}  // namespace

TEST_CASE("what can be done at once is done the same: in place, or at the same new place") {
  int moved = 0;
  int in_place = 0;
  for (unsigned seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    Library library;
    std::string script = "heap 1K align=8\n";
    std::string expected;
    for (int step = 0; step < 30; ++step) {
      const std::size_t size = random() % 25 * 8 + 1;
      const std::string name = "b" + std::to_string(random() % 8);
      const bool lives = library.blocks().contains(name);
      const bool frees = lives && random() % 4 == 0;
      const std::string line = !lives  ? "alloc " + name + ' ' + std::to_string(size)
                               : frees ? "free " + name
                                       : "resize " + name + ' ' + std::to_string(size);
      const std::string result = !lives  ? library.alloc(name, size)
                                 : frees ? library.free(name)
                                         : library.resize(name, size);
      script += line + '\n';
      expected += line + " -> " + result + '\n';
      if (result == "waiting") break;
      moved += result.starts_with("moved") ? 1 : 0;
      in_place += result.starts_with("resized") ? 1 : 0;
    }
    std::istringstream transcript(tests::transcript_of(script));
    std::istringstream lines(expected);
    std::string line;
    std::string wanted;
    REQUIRE(std::getline(transcript, line));  // heap
    while (std::getline(lines, wanted)) {
      REQUIRE(std::getline(transcript, line));
      if (wanted.ends_with("waiting")) line.resize(wanted.size());
      REQUIRE(line == wanted);
    }
  }
  CHECK(moved > 100);
  CHECK(in_place > 100);
}

TEST_CASE("while it waits, only reallocate takes room behind the block") {
  alignas(16) std::array<std::byte, 1024> region{};
  mneme::Heap heap{region};
  auto a = std::move(**heap.allocate({600, 8}).poll());
  auto b = std::move(**heap.allocate({400, 8}).poll());
  auto longer = heap.reallocate(a, 800);
  CHECK(!longer.poll());
  b.reset();
  CHECK(longer.poll() == mneme::Reallocated::in_place);
  const std::string script = "heap 1K align=8\nalloc a 600\nalloc b 400\nresize a 800\nfree b\n";
  CHECK(tests::transcript_of(script).contains("free b -> freed\n"));  // and grants nothing
}
