// purpose: reads the dump of a recorder, whose format include/mneme/recording/record.hpp describes.
// layer: import; includes import, task_script and the standard library.
// threads: one owner.
// invariants: memory in proportion to the recording, as its tasks are written one after another.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "importer.hpp"
#include "task_script.hpp"

namespace mneme::driver {

class RecordingReader final : public TraceReader {
 public:
  RecordingReader(Ledger& ledger, ScriptSink script);

  /// Whether it is the first line of a dump, of any version.
  [[nodiscard]] static bool recognises(std::string_view text) noexcept;

  [[nodiscard]] LineFit line(std::string_view text) override;
  [[nodiscard]] std::string finish() override;
  [[nodiscard]] ScriptHead head() const override;
  [[nodiscard]] bool write_schedule(const ScriptSink& schedule) const override;

 private:
  struct End {
    std::uint64_t records = 0;
    std::uint64_t lost = 0;
  };

  [[nodiscard]] LineFit first_line(std::string_view text);
  [[nodiscard]] bool first_line_word(std::string_view word);
  [[nodiscard]] bool event(std::string_view text);
  [[nodiscard]] bool end_line(std::string_view text);
  void allocate(TaskScript::Caller caller, std::uint64_t block, std::uint64_t size,
                std::uint64_t align);
  void free(TaskScript::Caller caller, std::uint64_t block, std::uint64_t size);
  void resize(TaskScript::Caller caller, std::uint64_t block, std::uint64_t size);
  [[nodiscard]] std::uint64_t wait_limit_bytes() const;
  [[nodiscard]] std::string lost_text() const;
  /// Whether the script has all that happened, as it happened and in the tasks that did it.
  [[nodiscard]] bool is_whole() const;
  void warn_of_gaps();
  [[nodiscard]] std::uint64_t heap_align() const;

  Ledger& ledger_;
  ScriptSink script_;
  TaskScript tasks_;
  std::string failure_;
  bool is_begun_ = false;
  bool keeps_newest_ = true;
  std::uint64_t word_bytes_ = 0;
  std::optional<std::uint64_t> heap_bytes_;
  std::uint64_t records_ = 0;
  std::uint64_t broken_ = 0;
  std::uint64_t contradictions_ = 0;  // of earlier records; each is a warning
  std::uint64_t resizes_ = 0;
  std::optional<End> end_;
};

}  // namespace mneme::driver
