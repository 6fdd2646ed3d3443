// purpose: schedules: in turns, at random, from a file.
// layer: explore; includes schedule, input.
// threads: one owner.
// invariants: see schedule.hpp.
#include "schedule.hpp"

#include <fmt/format.h>

#include <charconv>

#include "driver/language/diagnostic.hpp"
#include "driver/language/input.hpp"
#include "driver/language/op.hpp"

namespace mneme::driver {

namespace {

constexpr std::size_t steps_max = 10'000'000;

bool read_number(std::string_view digits, std::uint64_t& number) {
  const char* const end = digits.data() + digits.size();
  // NOLINTNEXTLINE(bugprone-suspicious-stringview-data-usage): the end goes with it
  const auto [stop, error] = std::from_chars(digits.data(), end, number);
  return error == std::errc{} && stop == end && !digits.empty();
}

}  // namespace

Schedule::Schedule(const std::string& text) : name_{text} {
  constexpr std::string_view random = "random:";
  if (text == "round-robin") return;
  if (text.starts_with(random)) {
    kind_ = Kind::random;
    if (!read_number(std::string_view{text}.substr(random.size()), state_)) {
      throw InputError("the seed of --schedule=random:SEED is a number, not " +
                       in_quotes(text.substr(random.size())));
    }
    return;
  }
  kind_ = Kind::file;
  read(text);
}

void Schedule::read(const std::string& path) {
  const std::string text = read_whole(path);
  for (std::string_view rest = text; !rest.empty();) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    line = line.substr(0, line.find('#'));
    if (line.ends_with('\r')) line.remove_suffix(1);
    for (std::string_view word = take_word(line); !word.empty(); word = take_word(line)) {
      const std::size_t star = word.find('*');
      std::uint64_t count = 1;
      if (star != std::string_view::npos &&
          (!read_number(word.substr(star + 1), count) || count == 0)) {
        throw InputError(
            fmt::format("{}: {} is no task and number of steps", path, in_quotes(word)));
      }
      if (tasks_.size() + count > steps_max)
        throw InputError(path + ": more than 10,000,000 steps");
      tasks_.insert(tasks_.end(), count, std::string{word.substr(0, star)});
    }
  }
}

std::optional<std::size_t> Schedule::next(const World& world) {
  if (kind_ == Kind::file) return next_of_file(world);
  std::vector<std::size_t> able;
  const std::size_t count = world.tasks().size();
  for (std::size_t turn = 0; turn < count; ++turn) {
    const std::size_t task = (at_ + turn) % count;
    if (!world.can_step(task)) continue;
    if (kind_ == Kind::round_robin) {
      at_ = task + 1;
      return task;
    }
    able.push_back(task);
  }
  if (able.empty()) return std::nullopt;
  return able[draw() % able.size()];
}

std::optional<std::size_t> Schedule::next_of_file(const World& world) {
  if (at_ == tasks_.size()) return std::nullopt;
  const std::string& name = tasks_[at_++];
  const auto fail = [&](std::string_view what) {
    throw InputError(fmt::format("{}: step {}: {} {}", name_, at_, in_quotes(name), what));
  };
  for (std::size_t task = 0; task < world.tasks().size(); ++task) {
    if (world.tasks()[task].name != name) continue;
    if (!world.can_step(task)) fail("cannot go on here");
    return task;
  }
  fail("is no task of the script");
  return std::nullopt;
}

/// SplitMix64.
std::uint64_t Schedule::draw() {
  std::uint64_t word = state_ += 0x9e3779b97f4a7c15U;
  word = (word ^ (word >> 30U)) * 0xbf58476d1ce4e5b9U;
  word = (word ^ (word >> 27U)) * 0x94d049bb133111ebU;
  return word ^ (word >> 31U);
}

}  // namespace mneme::driver
