// purpose: reads the dump of a recorder.
// layer: import; includes recording, import_text and {fmt}.
// threads: one owner.
// invariants: as in the header.
#include "recording.hpp"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <span>
#include <utility>

#include "text.hpp"

namespace mneme::driver {

namespace {

using import_text::whole_number;

constexpr std::string_view recording_magic = "mneme-recording";
constexpr std::uint64_t recording_version = 1;
constexpr std::uint64_t driver_word_bytes = 8;
/// Sizes from here on come from a broken line, or from a request that is not for a block.
constexpr std::uint64_t recorded_size_limit_bytes = std::uint64_t{1} << 47;

enum class RecordWord : std::uint8_t { alloc, wait, grant, cancel, resize, free };
struct RecordRow {
  std::string_view text;
  std::size_t numbers;  // that follow, with task and thread
};
constexpr std::array<RecordRow, 6> record_rows{
    {{"alloc", 5}, {"wait", 5}, {"grant", 4}, {"cancel", 3}, {"resize", 4}, {"free", 4}}};
constexpr std::size_t numbers_max = 5;

std::string_view take_first_word(std::string_view& text) {
  text = import_text::trimmed(text);
  const std::string_view word = text.substr(0, text.find_first_of(" \t"));
  text.remove_prefix(word.size());
  return word;
}

/// Exactly `count` numbers.
bool take_numbers(std::string_view text, std::span<std::uint64_t> numbers) {
  for (std::uint64_t& number : numbers) {
    const auto read = whole_number(take_first_word(text));
    if (!read) return false;
    number = *read;
  }
  return import_text::trimmed(text).empty();
}

std::string_view plural(std::uint64_t count) { return count == 1 ? "" : "s"; }

}  // namespace

RecordingReader::RecordingReader(Ledger& ledger, ScriptSink script)
    : ledger_{ledger}, script_{std::move(script)} {
  ledger_.write_no_steps();
}

bool RecordingReader::recognises(std::string_view text) noexcept {
  return take_first_word(text) == recording_magic;
}

LineFit RecordingReader::line(std::string_view text) {
  if (!failure_.empty()) {
    ledger_.ignore_line();
    return LineFit::known;
  }
  if (!is_begun_) return first_line(text);
  if (end_) {
    ledger_.error("a line after the end of the recording: " + in_quotes(text));
    return LineFit::broken;
  }
  if (event(text) || end_line(text)) return LineFit::known;
  ++broken_;
  return LineFit::foreign;
}

LineFit RecordingReader::first_line(std::string_view text) {
  std::string_view rest = text;
  if (take_first_word(rest) != recording_magic) return LineFit::foreign;
  ledger_.ignore_line();
  const std::string_view number = take_first_word(rest);
  if (whole_number(number) != recording_version) {
    failure_ = fmt::format("recording of version {}, but only version {} is known",
                           in_quotes(number), recording_version);
    return LineFit::known;
  }
  is_begun_ = true;
  while (!import_text::trimmed(rest).empty()) {
    const std::string_view word = take_first_word(rest);
    if (first_line_word(word)) continue;
    failure_ = fmt::format("unknown {} in the first line of the recording", in_quotes(word));
    return LineFit::known;
  }
  if (word_bytes_ == 0) failure_ = "the first line of the recording lacks word=8 or word=4";
  return LineFit::known;
}

bool RecordingReader::first_line_word(std::string_view word) {
  if (import_text::take_prefix(word, "word=")) {
    word_bytes_ = whole_number(word).value_or(0);
    return word_bytes_ == 4 || word_bytes_ == 8;
  }
  if (import_text::take_prefix(word, "heap=")) {
    heap_bytes_ = whole_number(word);
    return heap_bytes_ && *heap_bytes_ > 0 && *heap_bytes_ < recorded_size_limit_bytes;
  }
  if (!import_text::take_prefix(word, "keeps=")) return false;
  keeps_newest_ = word == "newest";
  return keeps_newest_ || word == "oldest";
}

bool RecordingReader::end_line(std::string_view text) {
  std::array<std::uint64_t, 2> numbers{};
  if (take_first_word(text) != "end" || !take_numbers(text, numbers)) return false;
  end_ = {.records = numbers[0], .lost = numbers[1]};
  ledger_.ignore_line();
  return true;
}

bool RecordingReader::event(std::string_view text) {
  const std::string_view first = take_first_word(text);
  const auto* const row = std::ranges::find(record_rows, first, &RecordRow::text);
  if (row == record_rows.end()) return false;
  std::array<std::uint64_t, numbers_max> numbers{};
  if (!take_numbers(text, std::span{numbers}.first(row->numbers))) return false;
  const TaskScript::Caller caller{.task = numbers[0], .thread = numbers[1]};
  const auto [task, thread, id, value, align] = numbers;
  const auto word = static_cast<RecordWord>(row - record_rows.begin());
  const bool has_align = word == RecordWord::alloc || word == RecordWord::wait;
  if (id == 0 ||
      (has_align && (!std::has_single_bit(align) || align > recorded_size_limit_bytes))) {
    return false;
  }
  const bool has_size =
      word == RecordWord::alloc || word == RecordWord::resize || word == RecordWord::free;
  if (has_size && value >= recorded_size_limit_bytes) return false;
  ++records_;
  switch (word) {
    case RecordWord::alloc: allocate(caller, id, value, align); break;
    case RecordWord::wait:
      tasks_.wait(caller, id, value, align, value < wait_limit_bytes());
      ledger_.ignore_line();
      break;
    case RecordWord::grant:
      if (!tasks_.grant(id, value)) {
        ++contradictions_;
        ledger_.warn(fmt::format("grant of address {:#x}, which is not live; skipped", value));
      }
      ledger_.ignore_line();
      break;
    case RecordWord::cancel:
      tasks_.cancel(caller, id);
      ledger_.ignore_line();
      break;
    case RecordWord::resize: resize(caller, id, value); break;
    case RecordWord::free: free(caller, id, value); break;
  }
  return true;
}

void RecordingReader::allocate(TaskScript::Caller caller, std::uint64_t block, std::uint64_t size,
                               std::uint64_t align) {
  if (tasks_.is_live(block)) ++contradictions_;
  ledger_.allocate(block, size, align, "alloc");  // and warns if the address is live
  tasks_.allocate(caller, block, size, align);
}

void RecordingReader::free(TaskScript::Caller caller, std::uint64_t block, std::uint64_t size) {
  if (tasks_.is_live(block)) {
    ledger_.release(block);
  } else {
    ledger_.ignore_line();
  }
  tasks_.free(caller, block, size);
}

void RecordingReader::resize(TaskScript::Caller caller, std::uint64_t block, std::uint64_t size) {
  if (tasks_.is_live(block)) {
    ledger_.resize(block, block, size, "resize");
  } else {
    ledger_.allocate(block, size, 1, "resize");
  }
  ++resizes_;
  tasks_.resize(caller, block, size);
}

/// Requests of this size or more are not for a block: larger than the heap they never wait, so they
/// are for the lock or for a group.
std::uint64_t RecordingReader::wait_limit_bytes() const {
  return heap_bytes_.value_or(word_bytes_ == 4 ? UINT32_MAX : recorded_size_limit_bytes);
}

/// Which records were lost; empty if none.
std::string RecordingReader::lost_text() const {
  if (!end_ || end_->lost == 0) return {};
  return fmt::format(
      "{} record{} lost{}: the recorder was too small, or busy", end_->lost,
      end_->lost == 1 ? " was" : "s were",
      keeps_newest_ ? ", most of them before the first one" : ", after the last one or in between");
}

bool RecordingReader::is_whole() const {
  return end_ && end_->lost == 0 && end_->records == records_ && broken_ == 0 &&
         word_bytes_ == driver_word_bytes && contradictions_ == 0 && resizes_ == 0 &&
         tasks_.overlapping() == 0 && tasks_.merged() == 0 && tasks_.blocks_from_before() == 0 &&
         tasks_.other_waits() == 0;
}

void RecordingReader::warn_of_gaps() {
  if (!end_) {
    ledger_.warn(fmt::format("the recording is cut: it has {} record{}, and no line 'end'",
                             records_, plural(records_)));
  } else if (end_->records != records_) {
    ledger_.warn(fmt::format("the recording is damaged: {} of {} records can be read", records_,
                             end_->records));
  }
  if (const std::string lost = lost_text(); !lost.empty()) {
    ledger_.warn(lost);
  }
  if (tasks_.overlapping() > 0) {
    ledger_.warn(fmt::format(
        "{} request{} waited while the task went on: each is placed where it was granted, or left "
        "out; give each coroutine a number (mneme::AsTask)",
        tasks_.overlapping(), plural(tasks_.overlapping())));
  }
  if (tasks_.merged() > 0) {
    ledger_.warn(
        fmt::format("a script has at most 64 tasks: {} more share the task 'others', in the order "
                    "of the recording",
                    tasks_.merged()));
  }
}

std::string RecordingReader::finish() {
  if (!failure_.empty()) return failure_;
  if (!is_begun_)
    return fmt::format("the first line of a recording is '{} {} …'", recording_magic,
                       recording_version);
  tasks_.finish();
  warn_of_gaps();
  if (tasks_.task_count() > 0) tasks_.write(script_, heap_align());
  return {};
}

std::uint64_t RecordingReader::heap_align() const { return tasks_.usual_align(); }

ScriptHead RecordingReader::head() const {
  ScriptHead head{.has_tasks = tasks_.task_count() > 0,
                  .heap_bytes = heap_bytes_,
                  .align_bytes = heap_align(),
                  .comments = {}};
  if (word_bytes_ != driver_word_bytes) {
    head.heap_bytes = std::nullopt;
    head.comments.push_back(fmt::format(
        "recorded with words of {} bytes, so that blocks were smaller than here{}", word_bytes_,
        heap_bytes_ ? fmt::format(", on a heap of {} bytes", *heap_bytes_) : ""));
  }
  if (const std::string lost = lost_text(); !lost.empty()) head.comments.push_back(lost);
  if (!head.has_tasks) return head;
  head.comments.push_back(
      fmt::format("tasks: {}, one for each that was recorded", tasks_.task_count()));
  if (tasks_.blocks_from_before() > 0) {
    head.comments.emplace_back(
        "Task 'before' requests what was freed, but requested before the first");
    head.comments.emplace_back("record; the others begin after that.");
  }
  for (const char* const line :
       {"A block that another task freed than the one that requested it is sent to that task at",
        "once. Locks, messages and other causes of waiting were not seen: here the tasks' steps "
        "can",
        "come in more orders than in the program. So a deadlock is only a candidate: look "
        "whether"}) {
    head.comments.emplace_back(line);
  }
  if (is_whole()) {
    head.comments.emplace_back(
        "the program can get there. 'no deadlock' is a proof for these steps, on this raw heap");
    head.comments.emplace_back("and with queue=fifo.");
  } else {
    head.comments.emplace_back(
        "the program can get there; and 'no deadlock' is no proof, as not all is in these steps.");
  }
  return head;
}

bool RecordingReader::write_schedule(const ScriptSink& schedule) const {
  tasks_.write_schedule(schedule);
  return true;
}

}  // namespace mneme::driver
