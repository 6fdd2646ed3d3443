// purpose: whether the machine will give the memory that a script is about to fill.
// layer: execute; includes the standard library only.
// threads: one owner.
// invariants: where nothing is known of the machine, nothing is refused.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace mneme::driver {

/// Where the system tells of its memory. Tests make trees of their own.
struct MachineRoots {
  std::string proc = "/proc";
  std::string cgroup = "/sys/fs/cgroup";
};

struct MemoryLeft {
  std::uint64_t bytes = 0;
  std::string limited_by;  // the file of the tightest limit
};

/// How much memory this process can still get without being killed: by what the machine has
/// available, and by the limits of its control group and of those above it (versions 1 and 2). What
/// the caches of files hold, and swap space, count as left.
[[nodiscard]] std::optional<MemoryLeft> memory_left(const MachineRoots& roots);

/// Linux backs memory when it is written to, and kills a process that it cannot back. So the driver
/// asks before it fills: each time that requests have come to some megabytes.
class MachineMemory {
 public:
  explicit MachineMemory(MachineRoots roots = {});

  /// Before a request of `size_bytes` in a heap of which `used_bytes` are in use. Throws InputError
  /// if there is not so much memory left.
  void before_request(std::uint64_t size_bytes, std::uint64_t used_bytes);

 private:
  [[nodiscard]] std::uint64_t resident_bytes() const;

  MachineRoots roots_;
  std::uint64_t start_resident_bytes_ = 0;
  std::uint64_t last_resident_bytes_ = 0;  // when it last looked
  std::uint64_t unchecked_bytes_ = 0;      // requested since then
};

}  // namespace mneme::driver
