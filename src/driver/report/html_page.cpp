// purpose: the page: its data, its lines, and the script that finds what is under the pointer.
// layer: report; includes html_page; JSON by nlohmann.
// threads: as in the header.
// invariants: as in the header.
#include "html_page.hpp"

#include <nlohmann/json.hpp>

namespace mneme::driver {

namespace {

using PageJson = nlohmann::ordered_json;

constexpr std::string_view page_style = R"(
:root { color-scheme: light; }
body { margin: 0; font: 13px/1.45 "DejaVu Sans Mono", Menlo, Consolas, monospace; color: #1f2933;
       display: flex; height: 100vh; }
#picture { overflow: auto; flex: 3 1 60%; position: relative; }
#picture svg { display: block; }
#beside { flex: 1 1 30%; min-width: 24em; display: flex; flex-direction: column;
          border-left: 1px solid #9aa5b1; }
#detail { flex: none; height: 15em; overflow: auto; padding: 8px 12px; white-space: pre-wrap;
          background: #f5f7fa; border-bottom: 1px solid #9aa5b1; }
#transcript { overflow: auto; margin: 0; padding: 8px 0; flex: 1; }
#transcript div { white-space: pre; padding: 0 12px; min-height: 1.45em; }
#transcript div.at { background: #ffe8b3; }
)";

constexpr std::string_view page_script = R"(
"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const svg = document.querySelector("#picture svg");
const detail = document.getElementById("detail");
const lines = [...document.querySelectorAll("#transcript div")];
const cursor = svg.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "rect"));
cursor.setAttribute("fill", "#d9730d");
cursor.setAttribute("fill-opacity", "0.18");
cursor.setAttribute("pointer-events", "none");
const column = data.map.width / data.steps;
const name = (entry) => data.names[entry[0]];
const until = (step) => (step === 0 ? "the end" : "step " + step);
let shown = [];
function show(step, address, scroll) {
  cursor.setAttribute("x", data.map.x + (step - 1) * column);
  cursor.setAttribute("width", Math.max(column, 1.5));
  cursor.setAttribute("y", data.map.y - 4);
  cursor.setAttribute("height", data.map.height + 8);
  const heap = data.heap[step - 1];
  let text = "step " + step + ": " + data.texts[step - 1] + "\n" + heap[0] +
    " bytes used, largest hole " + heap[1] + ", " + heap[2] + " waiting\n";
  if (address !== null) {
    const isThere = (b) => b[4] <= step && (b[5] === 0 || step < b[5]);
    const block = data.blocks.find(
      (b) => b[2] <= address && address < b[2] + b[3] && isThere(b));
    text += "address " + address + ": " + (block
      ? name(block) + ", " + block[1] + " bytes asked for, " + block[3] + " with the header at " +
        block[2] + "\n  from step " + block[4] + " to " + until(block[5]) +
        (block[6] !== 0 && step >= block[6] ? "; deferred since step " + block[6] : "")
      : "free") + "\n";
  }
  const waiting = data.waits.filter((w) => w[3] <= step && (w[4] === 0 || step < w[4]));
  for (const w of waiting.slice(0, 12)) {
    text += name(w) + " waits from step " + w[3] + " to " + until(w[4]) + ": needs " +
      (w[1] === 0 ? "the lock" : w[1]) +
      (w[2] > 0 ? ", the largest hole lacks " + w[2] : "") +
      (w[5] > 0 ? ", " + w[5] + " before it" : "") + "\n";
  }
  if (waiting.length > 12) text += "and " + (waiting.length - 12) + " more\n";
  detail.textContent = text;
  for (const line of shown) line.classList.remove("at");
  shown = lines.slice(data.firstLine[step - 1], data.firstLine[step]);
  for (const line of shown) line.classList.add("at");
  if (scroll && shown.length > 0) shown[0].scrollIntoView({ block: "center" });
}
svg.addEventListener("mousemove", (event) => {
  const box = svg.getBoundingClientRect();
  const x = event.clientX - box.left - data.map.x, y = event.clientY - box.top - data.map.y;
  if (x < 0 || x >= data.map.width) return;
  const step = Math.min(data.steps, Math.floor(x / column) + 1);
  const inside = y >= 0 && y < data.map.height;
  show(step, inside ? Math.floor((1 - y / data.map.height) * data.capacity) : null, true);
});
document.getElementById("transcript").addEventListener("mouseover", (event) => {
  const index = lines.indexOf(event.target);
  if (index < 0) return;
  let step = 1;
  while (step < data.steps && data.firstLine[step] <= index) ++step;
  show(step, null, false);
});
)";

PageJson page_data(const History& history, const Picture& picture, const TranscriptLines& lines) {
  PageJson names = PageJson::array();
  std::unordered_map<std::string, std::size_t> numbers;
  const auto number_of = [&](const std::string& name) {
    const auto [at, is_new] = numbers.try_emplace(name, names.size());
    if (is_new) names.push_back(name);
    return at->second;
  };
  const auto or_zero = [](StepNumber step) { return step == not_ended ? 0 : step; };
  PageJson data;
  data["map"] = {{"x", picture.map.x},
                 {"y", picture.map.y},
                 {"width", picture.map.width},
                 {"height", picture.map.height}};
  data["steps"] = history.steps();
  data["capacity"] = history.capacity_bytes();
  PageJson texts = PageJson::array();
  PageJson heap = PageJson::array();
  for (StepNumber step = 1; step <= history.steps(); ++step) {
    const std::string& task = history.tasks()[history.text_of(step).task];
    texts.push_back(task.empty() ? history.text_of(step).text
                                 : task + ": " + history.text_of(step).text);
    const HeapSample& sample = history.behind(step);
    heap.push_back({sample.used, sample.largest_hole, sample.waiting});
  }
  PageJson blocks = PageJson::array();
  for (const BlockSpan& block : history.blocks()) {
    blocks.push_back({number_of(block.name), block.asked, history.place_of(block), block.size,
                      block.from, or_zero(block.to), or_zero(block.deferred_from)});
  }
  PageJson waits = PageJson::array();
  for (const WaitSpan& wait : history.waits()) {
    if (wait.end == WaitEnd::refused) continue;
    waits.push_back(
        {number_of(wait.name), wait.need, wait.lacks, wait.from, or_zero(wait.to), wait.before});
  }
  data["texts"] = std::move(texts);
  data["heap"] = std::move(heap);
  data["blocks"] = std::move(blocks);
  data["waits"] = std::move(waits);
  data["names"] = std::move(names);
  // The first line of each step, and finally the first line that belongs to no step.
  PageJson first = PageJson::array();
  std::size_t at = 0;
  const auto all = lines.lines();
  for (StepNumber step = 1; step <= history.steps() + 1; ++step) {
    while (at < all.size() && all[at].step < step) ++at;
    first.push_back(at);
  }
  data["firstLine"] = std::move(first);
  return data;
}

}  // namespace

void TranscriptLines::events(std::span<const Event> events, const Executor& executor) {
  counter_.events(events);
  transcript_.each_line(events, executor, [&](const TranscriptLine& line) {
    std::string text = fmt::format("{}{}", line.head, line.result);
    if (!task_.empty()) text = fmt::format("{:<9} {}", task_, text);
    lines_.push_back({static_cast<StepNumber>(counter_.step()), std::move(text)});
    add(line.below);
  });
  task_.clear();
}

void TranscriptLines::task_step(const std::string& task, const std::string& text) {
  counter_.task_step(task, text);
  task_ = task;
  if (text.empty()) return;
  add(task.empty() ? text : fmt::format("{:<9} {}", task, text));
  task_.clear();
}

void TranscriptLines::add(std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines_.push_back({static_cast<StepNumber>(counter_.step()), std::string(text.substr(0, end))});
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

std::string html_page(const History& history, const Picture& picture, const PictureOptions& options,
                      const TranscriptLines& lines) {
  std::string data =
      page_data(history, picture, lines).dump(-1, ' ', true, PageJson::error_handler_t::replace);
  // Escaped, so that no text can end the enclosing element.
  for (std::size_t at = 0; (at = data.find('<', at)) != std::string::npos;) {
    data.replace(at, 1, "\\u003c");
  }
  std::string page = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{}</title>\n"
      "<style>{}</style>\n</head>\n<body>\n<div id=\"picture\">\n{}</div>\n<div id=\"beside\">\n"
      "<div id=\"detail\">Point at the picture, or at a line of the transcript.</div>\n"
      "<div id=\"transcript\">\n",
      escape_xml(options.title), page_style, picture.svg);
  for (const TranscriptLines::Line& line : lines.lines()) {
    page += "<div>" + escape_xml(line.text) + "</div>\n";
  }
  page += "</div>\n</div>\n<script type=\"application/json\" id=\"data\">" + data + "</script>\n" +
          "<script>" + std::string(page_script) + "</script>\n</body>\n</html>\n";
  return page;
}

}  // namespace mneme::driver
