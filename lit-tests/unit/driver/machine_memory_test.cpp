// purpose: shows which limits of control groups and of the machine count, on simulated trees.
// layer: tests; includes driver/machine_memory, executor and the standard library.
// threads: none.
// invariants: each tree has a folder of its own, which is removed.
// RUN: %runner %build/tests/machine_memory_test
#include "driver/execute/machine_memory.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "driver/execute/executor.hpp"
#include "driver/language/diagnostic.hpp"
#include "driver/language/parser.hpp"

using namespace mneme::driver;

namespace {

constexpr std::uint64_t mib = std::uint64_t{1} << 20U;

/// Files like those of /proc and /sys/fs/cgroup. Sizes are in MiB.
class MachineTree {
 public:
  MachineTree() {
    std::string pattern = (std::filesystem::temp_directory_path() / "machine-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    top_ = pattern;
  }
  MachineTree(const MachineTree&) = delete;
  MachineTree& operator=(const MachineTree&) = delete;
  ~MachineTree() { std::filesystem::remove_all(top_); }

  void write(const std::string& file, const std::string& text) const {
    std::filesystem::create_directories((top_ / file).parent_path());
    std::ofstream{top_ / file} << text << '\n';
  }
  void write_size(const std::string& file, std::uint64_t size_mib) const {
    write(file, std::to_string(size_mib * mib));
  }
  void meminfo(std::uint64_t available_mib, std::uint64_t swap_mib = 0) const {
    write("proc/meminfo",
          "MemTotal: 99999999 kB\nMemAvailable:  " + std::to_string(available_mib * 1024) +
              " kB\nSwapFree: " + std::to_string(swap_mib * 1024) + " kB");
  }
  void resident(std::uint64_t size_mib) const {
    const auto page_bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    write("proc/self/statm",
          "999999 " + std::to_string(size_mib * mib / page_bytes) + " 1 1 0 1 0");
  }

  [[nodiscard]] MachineRoots roots() const {
    return {.proc = (top_ / "proc").string(), .cgroup = (top_ / "cgroup").string()};
  }
  [[nodiscard]] std::uint64_t left_mib() const { return memory_left(roots()).value().bytes / mib; }
  [[nodiscard]] std::string limited_by() const {
    return memory_left(roots()).value().limited_by.substr(top_.string().size() + 1);
  }

 private:
  std::filesystem::path top_;
};

void request(MachineMemory& memory, std::uint64_t size_bytes, std::uint64_t used_bytes) {
  memory.before_request(size_bytes, [&] { return used_bytes; });
}

}  // namespace

TEST_CASE("an unknown machine has no limit") {
  const MachineTree tree;
  CHECK(!memory_left(tree.roots()));
  MachineMemory memory{tree.roots()};
  request(memory, ~std::uint64_t{0}, 0);
  tree.write("proc/self/cgroup", "nonsense\n0::/a\n:\n");
  tree.write("cgroup/a/memory.max", "");
  CHECK(!memory_left(tree.roots()));
}

TEST_CASE("the machine's available memory and its swap space are the limit") {
  const MachineTree tree;
  tree.meminfo(500, 200);
  CHECK(tree.left_mib() == 700);
  CHECK(tree.limited_by() == "proc/meminfo");
}

TEST_CASE("the tightest limit of a control group and its parents counts") {
  const MachineTree tree;
  tree.meminfo(5000);
  tree.write("proc/self/cgroup", "0::/user/app");
  tree.write("cgroup/user/app/memory.max", "max");
  tree.write_size("cgroup/user/app/memory.current", 100);
  CHECK(tree.left_mib() == 5000);
  tree.write_size("cgroup/user/memory.max", 256);
  tree.write_size("cgroup/user/memory.current", 156);
  CHECK(tree.left_mib() == 100);
  CHECK(tree.limited_by() == "cgroup/user/memory.max");
  tree.write("cgroup/user/memory.stat", "anon 1\ninactive_file " + std::to_string(30 * mib) +
                                            "\nactive_file " + std::to_string(20 * mib));
  CHECK(tree.left_mib() == 150);
  tree.write_size("cgroup/memory.max", 300);  // as a container sees its own group
  tree.write_size("cgroup/memory.current", 290);
  CHECK(tree.left_mib() == 10);
  tree.write_size("cgroup/memory.current", 400);
  CHECK(tree.left_mib() == 0);
}

TEST_CASE("a control group may use swap space up to its own limit and the machine's") {
  const MachineTree tree;
  tree.meminfo(5000, 64);
  tree.write("proc/self/cgroup", "0::/");
  tree.write_size("cgroup/memory.max", 256);
  tree.write_size("cgroup/memory.current", 156);
  CHECK(tree.left_mib() == 164);
  tree.write_size("cgroup/memory.swap.max", 30);
  tree.write_size("cgroup/memory.swap.current", 10);
  CHECK(tree.left_mib() == 120);
  tree.write_size("cgroup/memory.swap.max", 0);
  CHECK(tree.left_mib() == 100);
}

TEST_CASE("control groups of version 1 limit memory, and memory with swap space") {
  const MachineTree tree;
  tree.meminfo(5000, 64);
  tree.write("proc/self/cgroup", "9:cpu:/\n4:hugetlb,memory:/docker/1f\n1:name=systemd:/\n0::/");
  tree.write("cgroup/memory/memory.limit_in_bytes", "9223372036854771712");
  tree.write_size("cgroup/memory/memory.usage_in_bytes", 900);
  CHECK(tree.left_mib() == 5064);
  tree.write_size("cgroup/memory/docker/1f/memory.limit_in_bytes", 256);
  tree.write_size("cgroup/memory/docker/1f/memory.usage_in_bytes", 156);
  CHECK(tree.left_mib() == 100);
  tree.write("cgroup/memory/docker/1f/memory.stat",
             "total_inactive_file " + std::to_string(30 * mib));
  CHECK(tree.left_mib() == 130);
  tree.write_size("cgroup/memory/docker/1f/memory.memsw.limit_in_bytes", 276);
  tree.write_size("cgroup/memory/docker/1f/memory.memsw.usage_in_bytes", 156);
  CHECK(tree.left_mib() == 150);
}

TEST_CASE("requests are refused before the machine is out of memory, small ones too") {
  const MachineTree tree;
  tree.meminfo(100);
  tree.resident(5);
  MachineMemory memory{tree.roots()};
  request(memory, 98 * mib, 0);
  CHECK_THROWS_AS(request(memory, 99 * mib, 0), InputError);
  CHECK_THROWS_AS(request(memory, ~std::uint64_t{0}, 0), InputError);
  for (int i = 0; i < 100; ++i) request(memory, mib, 0);
  tree.resident(12);  // they were new memory, and so will the next ones be
  tree.meminfo(3);
  const auto request_many = [&] {
    for (int i = 0; i < 8; ++i) request(memory, mib, 7 * mib);
  };
  CHECK_THROWS_AS(request_many(), InputError);
  request_many();  // of memory that others freed, as the process has not grown
}

TEST_CASE("memory that was freed in the heap can be used again") {
  const MachineTree tree;
  tree.meminfo(20);
  tree.resident(5);
  MachineMemory memory{tree.roots()};
  tree.resident(85);
  request(memory, 70 * mib, 0);  // a look after growth
  request(memory, 90 * mib, 0);
  CHECK_THROWS_AS(request(memory, 90 * mib, 40 * mib), InputError);
}

TEST_CASE("a script that fills more memory than allowed ends at that step with an error") {
  const MachineTree tree;
  tree.meminfo(5000);
  tree.write("proc/self/cgroup", "0::/");
  tree.write_size("cgroup/memory.max", 256);
  tree.write_size("cgroup/memory.current", 100);
  const auto error_of = [&](std::string_view text) -> std::string {
    Source source{text, "test.mn"};
    Parser parser{source};
    Executor executor{{.machine = tree.roots()}};
    try {
      for (Op op; parser.next(op);) (void)executor.step(op);
    } catch (const ScriptError& error) {
      return render(error.diagnostic());
    }
    return "none";
  };
  const std::string large = error_of("heap 2G\nalloc a 1G\nfree a\nexpect used 0\n");
  CHECK(large.starts_with(
      "test.mn:2:9: error: not enough memory for 1073741824 bytes on this machine: "
      "163577856 bytes left, limited by "));
  CHECK(large.contains("/cgroup/memory.max\nalloc a 1G\n        ^\n"));
  CHECK(error_of("heap 2G\nalloc a 3G\n") == "none");  // refused by the heap
  CHECK(error_of("heap 2G\nalloc a 10\nresize a 1G\n").starts_with("test.mn:3:10: error"));
  CHECK(error_of("heap 2G\narray a 100000000\n").starts_with("test.mn:2:9: error"));
  CHECK(error_of("heap 2G\nalloc a 1M\nfree a\n") == "none");
}
