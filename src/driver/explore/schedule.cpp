// purpose: schedules: round-robin, random, or from a file.
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
  // NOLINTNEXTLINE(bugprone-suspicious-stringview-data-usage): the end is passed as well
  const auto [stop, error] = std::from_chars(digits.data(), end, number);
  return error == std::errc{} && stop == end && !digits.empty();
}

}  // namespace

Schedule::Schedule(const std::string& text) : name_{text} {
  constexpr std::string_view random = "random:";
  if (text == "round-robin") return;
  if (text.starts_with(random)) {
    kind_ = Kind::random;
    std::uint64_t seed = 0;
    if (!read_number(std::string_view{text}.substr(random.size()), seed)) {
      throw InputError("the seed of --schedule=random:SEED is a number, not " +
                       in_quotes(text.substr(random.size())));
    }
    random_ = Random{seed};
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
      add(path, word);
    }
  }
}

/// `imu`, `imu*3`, `imu/2` or `imu/2*3`.
void Schedule::add(const std::string& path, std::string_view word) {
  const std::string_view step = word.substr(0, word.find('*'));
  const std::string_view name = step.substr(0, step.find('/'));
  std::uint64_t count = 1;
  std::uint64_t choice = 1;
  const bool has_count =
      step.size() == word.size() || read_number(word.substr(step.size() + 1), count);
  const bool has_choice =
      name.size() == step.size() || read_number(step.substr(name.size() + 1), choice);
  if (!has_count || !has_choice || count == 0 || choice == 0 || choice > choices_max) {
    throw InputError(fmt::format("{}: {} is no task and number of steps", path, in_quotes(word)));
  }
  if (steps_.size() + count > steps_max) throw InputError(path + ": more than 10,000,000 steps");
  steps_.insert(steps_.end(), count, {std::string{name}, static_cast<std::uint8_t>(choice - 1)});
}

std::optional<Move> Schedule::next(const World& world) {
  if (kind_ == Kind::file) return next_of_file(world);
  if (kind_ == Kind::random) return random_move(world, random_);
  const std::size_t count = world.tasks().size();
  for (std::size_t turn = 0; turn < count; ++turn) {
    const std::size_t task = (at_ + turn) % count;
    if (!world.can_step(task)) continue;
    at_ = task + 1;
    return Move{static_cast<std::uint8_t>(task), random_choice(world, task, random_)};
  }
  return std::nullopt;
}

std::optional<Move> Schedule::next_of_file(const World& world) {
  if (at_ == steps_.size()) return std::nullopt;
  const auto& [name, choice] = steps_[at_++];
  const auto fail = [&](std::string_view what) {
    throw InputError(fmt::format("{}: step {}: {} {}", name_, at_, in_quotes(name), what));
  };
  for (std::size_t task = 0; task < world.tasks().size(); ++task) {
    if (world.tasks()[task].name != name) continue;
    if (!world.can_step(task)) fail("cannot go on here");
    if (choice >= world.choices(task)) fail("has no such choice here");
    return Move{static_cast<std::uint8_t>(task), choice};
  }
  fail("is no task of the script");
  return std::nullopt;
}

}  // namespace mneme::driver
