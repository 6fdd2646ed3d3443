// purpose: chooses the task that runs next.
// layer: explore; includes world.
// threads: one owner.
// invariants: the same choices in every run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "random.hpp"
#include "world.hpp"

namespace mneme::driver {

class Schedule {
 public:
  /// `round-robin`, `random:SEED`, or the name of a file with the names of tasks in their order:
  /// `imu*3 camera/2 uplink`, where camera makes its second choice; `#` for comments. Throws
  /// InputError.
  explicit Schedule(const std::string& text);

  /// The next move; nothing at the end of the file, or if no task can run. Throws InputError if a
  /// file names an unknown task, or one that cannot run.
  [[nodiscard]] std::optional<Move> next(const World& world);

  [[nodiscard]] bool is_file() const { return kind_ == Kind::file; }
  /// Its name in the first line of a run.
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  enum class Kind : std::uint8_t { round_robin, random, file };

  void read(const std::string& path);
  void add(const std::string& path, std::string_view word);
  [[nodiscard]] std::optional<Move> next_of_file(const World& world);

  Kind kind_ = Kind::round_robin;
  std::string name_;
  /// A step of a file.
  struct Step {
    std::string task;
    std::uint8_t choice = 0;
  };

  std::vector<Step> steps_;  // of a file
  std::size_t at_ = 0;
  Random random_{0};  // also for the choices of round-robin
};

}  // namespace mneme::driver
