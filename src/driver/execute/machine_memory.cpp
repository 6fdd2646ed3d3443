// purpose: reads the limits of control groups, MemAvailable, and the memory of this process.
// layer: execute; includes machine_memory, diagnostic and POSIX.
// threads: one owner.
// invariants: a file that is missing or has no number sets no limit.
#include "machine_memory.hpp"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string_view>
#include <utility>

#include "driver/language/diagnostic.hpp"

namespace mneme::driver {

namespace {

using Number = std::optional<std::uint64_t>;

Number read_number(const std::string& path) {
  std::ifstream file{path};
  std::uint64_t number = 0;
  return file >> number ? Number{number} : std::nullopt;  // `max` is not a number
}

/// The number after a word at the start of a line.
std::uint64_t field(const std::string& path, std::string_view word) {
  std::ifstream file{path};
  std::string line;
  std::string name;
  std::uint64_t number = 0;
  while (file >> name) {
    if (name == word) return file >> number ? number : 0;
    std::getline(file, line);
  }
  return 0;
}

std::uint64_t difference(std::uint64_t a, std::uint64_t b) { return a > b ? a - b : 0; }

/// The names of a control group's files, in version 1 or 2.
struct GroupFiles {
  std::string_view limit;
  std::string_view usage;
  std::string_view inactive_cache;  // in memory.stat
  std::string_view active_cache;
};
constexpr GroupFiles version_1{"/memory.limit_in_bytes", "/memory.usage_in_bytes",
                               "total_inactive_file", "total_active_file"};
constexpr GroupFiles version_2{"/memory.max", "/memory.current", "inactive_file", "active_file"};

/// The swap space left for this group, if the machine has `swap_free_bytes`.
std::uint64_t swap_left(const std::string& group, const GroupFiles& files,
                        std::uint64_t memory_left, std::uint64_t swap_free_bytes) {
  std::uint64_t left = 0;
  if (files.limit == version_2.limit) {
    const Number limit = read_number(group + "/memory.swap.max");
    left = limit ? difference(*limit, read_number(group + "/memory.swap.current").value_or(0))
                 : swap_free_bytes;
  } else if (const Number both = read_number(group + "/memory.memsw.limit_in_bytes")) {
    const auto used = read_number(group + "/memory.memsw.usage_in_bytes").value_or(0);
    left = difference(difference(*both, used), memory_left);
  }
  return std::min(left, swap_free_bytes);
}

class Tightest {
 public:
  explicit Tightest(const MachineRoots& roots) {
    const std::string meminfo = roots.proc + "/meminfo";
    swap_free_bytes_ = 1024 * field(meminfo, "SwapFree:");
    const std::uint64_t available = 1024 * field(meminfo, "MemAvailable:");
    if (available > 0) take(available + swap_free_bytes_, meminfo);
  }

  /// Applies the limits of a group and of all its ancestors, up to the mount point. A container may
  /// see only a part of its path.
  void take_groups(const std::string& mount, std::string path, const GroupFiles& files) {
    while (true) {
      while (path.ends_with('/')) path.pop_back();
      take_group(mount + path, files);
      if (path.empty()) return;
      path.resize(path.find_last_of('/') == std::string::npos ? 0 : path.find_last_of('/'));
    }
  }

  [[nodiscard]] const std::optional<MemoryLeft>& left() const { return left_; }

 private:
  void take_group(const std::string& group, const GroupFiles& files) {
    const std::string limit_file = group + std::string{files.limit};
    const Number limit = read_number(limit_file);
    const Number usage = read_number(group + std::string{files.usage});
    if (!limit || !usage) return;
    const std::string stat = group + "/memory.stat";
    const std::uint64_t cache =
        std::min(*usage, field(stat, files.inactive_cache) + field(stat, files.active_cache));
    const std::uint64_t memory = difference(*limit, *usage - cache);
    take(memory + swap_left(group, files, difference(*limit, *usage), swap_free_bytes_),
         limit_file);
  }

  void take(std::uint64_t bytes, const std::string& file) {
    if (!left_ || bytes < left_->bytes) left_ = {.bytes = bytes, .limited_by = file};
  }

  std::optional<MemoryLeft> left_;
  std::uint64_t swap_free_bytes_ = 0;
};

bool names_memory(std::string_view controllers) {
  return ("," + std::string{controllers} + ",").contains(",memory,");
}

}  // namespace

std::optional<MemoryLeft> memory_left(const MachineRoots& roots) {
  Tightest tightest{roots};
  std::ifstream groups{roots.proc + "/self/cgroup"};
  // `4:memory:/docker/1f` in version 1, `0::/user.slice` in version 2; some machines have both.
  for (std::string line; std::getline(groups, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 1);
    if (names_memory(controllers)) {
      tightest.take_groups(roots.cgroup + "/memory", path, version_1);
    } else if (controllers.empty()) {
      tightest.take_groups(roots.cgroup, path, version_2);
    }
  }
  return tightest.left();
}

MachineMemory::MachineMemory(MachineRoots roots) : roots_{std::move(roots)} {
  start_resident_bytes_ = last_resident_bytes_ = resident_bytes();
}

void MachineMemory::look(std::uint64_t size_bytes, std::uint64_t used_bytes) {
  unchecked_bytes_ = 0;
  // Freed memory of the heap can be reused. What small requests took since the last check, they are
  // assumed to need once more until the next.
  const std::uint64_t resident = resident_bytes();
  const std::uint64_t grown = difference(resident, std::exchange(last_resident_bytes_, resident));
  const std::uint64_t reusable =
      difference(difference(resident, start_resident_bytes_), used_bytes);
  const std::uint64_t needed =
      difference(size_bytes, reusable) + std::min(grown, look_interval_bytes);
  if (needed == 0) return;
  const auto left = memory_left(roots_);
  // Page tables take 1/512 more, and other processes also need some.
  if (!left || needed <= left->bytes - left->bytes / 64) return;
  throw InputError("not enough memory for " + std::to_string(size_bytes) +
                   " bytes on this machine: " + std::to_string(left->bytes) +
                   " bytes left, limited by " + left->limited_by);
}

std::uint64_t MachineMemory::resident_bytes() const {
  std::ifstream file{roots_.proc + "/self/statm"};
  std::uint64_t total_pages = 0;
  std::uint64_t resident_pages = 0;
  file >> total_pages >> resident_pages;
  return file ? resident_pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) : 0;
}

}  // namespace mneme::driver
