// purpose: checks whether the machine has the memory that a script is about to fill.
// layer: execute; includes the standard library only.
// threads: one owner.
// invariants: if the machine reports no limits, nothing is refused.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

namespace mneme::driver {

/// The folders of the system's memory statistics. Tests create their own.
struct MachineRoots {
  std::string proc = "/proc";
  std::string cgroup = "/sys/fs/cgroup";
};

struct MemoryLeft {
  std::uint64_t bytes = 0;
  std::string limited_by;  // the file with the tightest limit
};

/// How much memory this process can still get without being killed, considering the memory of the
/// machine and the limits of its control group and its ancestors (versions 1 and 2). The page cache
/// and swap space count as available.
[[nodiscard]] std::optional<MemoryLeft> memory_left(const MachineRoots& roots);

/// Linux commits memory when it is first written, and kills a process if it cannot. So the driver
/// checks before it fills blocks, each time requests have added up to some megabytes.
class MachineMemory {
 public:
  explicit MachineMemory(MachineRoots roots = {});

  /// Call before a request of `size_bytes` in a heap of which `used_bytes()` are in use. Throws
  /// InputError if there is not enough memory left.
  template <class Used>
  void before_request(std::uint64_t size_bytes, Used used_bytes) {
    unchecked_bytes_ += std::min(size_bytes, ~unchecked_bytes_);
    if (unchecked_bytes_ >= look_interval_bytes) look(size_bytes, used_bytes());
  }

 private:
  /// Memory is checked again once requests have added up to this many bytes.
  static constexpr std::uint64_t look_interval_bytes = std::uint64_t{8} << 20U;

  void look(std::uint64_t size_bytes, std::uint64_t used_bytes);
  [[nodiscard]] std::uint64_t resident_bytes() const;

  MachineRoots roots_;
  std::uint64_t start_resident_bytes_ = 0;
  std::uint64_t last_resident_bytes_ = 0;  // at the last check
  std::uint64_t unchecked_bytes_ = 0;      // requested since then
};

}  // namespace mneme::driver
