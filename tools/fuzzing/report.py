"""The morning's reading: report.md, report.html and a plot of the growth."""

import html
import os
import re
import shutil

from .coverage import table
from .common import write_atomically
from .triage import ONCE, standing, times, what_of


def script_of(found):
    path = found / "script.mn"
    return path.read_text("latin-1") if path.exists() else ""


def findings_section(store):
    # Those that fail in the same way are most often the same bug: the shortest of them is shown.
    groups = {}
    for found in sorted(store.found(), key=lambda found: script_of(found).count("\n")):
        parts = found.name.split("-")
        groups.setdefault((parts[0], ONCE in found.name, parts[-1]), []).append(found)
    rows = []
    for same in groups.values():
        what = what_of(same[0])
        rows.append((what[0], ", ".join(sorted({standing(found) for found in same})),
                     str(sum(map(times, same))), what[-1].removeprefix("to reproduce: "),
                     ", ".join(sorted(found.name for found in same[1:])) or "–",
                     script_of(same[0])))
    count = sum(map(len, groups.values()))
    broken = len(list(store.findings.glob("*"))) - count
    pending, lost = store.waiting()
    text = (f"{count} in {store.findings}, which fail in {len(rows)} "
            f"way{'s' * (len(rows) != 1)}." if rows else
            "None." if pending or lost or broken else "Nothing was found.")
    for number, what in ((pending, f"that failed, and the next run looks at: in "
                                   f"{store.folder / 'artifacts'}"),
                         (lost, f"that did not fail again, in {store.folder / 'not-reproduced'}")):
        text += f" Inputs {what}: {number}." if number else ""
    text += f" What is no finding, or half of one, in {store.findings}: {broken}." if broken else ""
    return ("Findings", text,
            ("what", "now", "times", "to reproduce", "others that fail so", "script"), rows)


def sections(store, files, no_coverage):
    """[(title, text, header, rows)]: a report is these, whatever its format."""
    state = store.state
    result = [findings_section(store)]
    seconds = state["seconds"]
    latest = {row[1]: row for row in store.growth()}
    result.append((
        "Corpus", f"{sum(seconds.values()) / 3600:.2f} hours in all.",
        ("harness", "hours", "executions", "executions/s", "edges", "features", "inputs"),
        [(name, f"{seconds[name] / 3600:.2f}", str(state["executions"].get(name, 0)),
          f"{state['executions'].get(name, 0) / max(seconds[name], 1):.0f}",
          *(map(str, latest[name][2:5]) if name in latest else ("–",) * 3))
         for name in sorted(seconds)]))
    if files is not None:
        lines = sum(found.lines for found in files.values())
        reached = sum(found.reached for found in files.values())
        result.append(("Coverage", f"{reached} of {lines} lines, by fuzzing alone.",
                       ("file", "reached", "lines", "not reached, unexplained", "explained"),
                       table(files)))
    else:
        why = f": {no_coverage}" if no_coverage else " yet"
        result.append(("Coverage", f"Not measured{why}.", (), []))
    if state["notes"]:
        result.append(("Notes", "", ("what happened",), [(note,) for note in state["notes"]]))
    return result


def escaped(text):
    """Text that Markdown takes neither for HTML nor for the end of a cell."""
    return text.replace("<", "&lt;").replace("|", "\\|")


def fenced(text):
    """Text as it is, between fences longer than any that it holds."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return "\n".join((fence, text.removesuffix("\n"), fence, ""))


def as_markdown(parts):
    text = "# Fuzzing\n"
    for title, intro, header, rows in parts:
        text += f"\n## {title}\n{escaped(intro)}\n"
        if rows:
            text += "\n| " + " | ".join(header) + " |\n" + "|---" * len(header) + "|\n"
        for row in rows:
            cells = [cell if "\n" not in cell else "below" for cell in row]
            text += "| " + " | ".join(map(escaped, cells)) + " |\n"
        for row in rows:
            what = escaped(row[0].partition("\n")[0])
            text += "".join(f"\n{what}:\n{fenced(cell)}" for cell in row if "\n" in cell)
    return text


def as_html(parts):
    text = ("<!doctype html><meta charset='utf-8'><title>Fuzzing</title><style>body{font:15px "
            "sans-serif;margin:2em}td,th{padding:.2em .8em;text-align:left;vertical-align:top;"
            "border-bottom:1px solid #ccc}pre{margin:0}</style><h1>Fuzzing</h1>\n")
    for title, intro, header, rows in parts:
        text += f"<h2>{title}</h2><p>{html.escape(intro)}</p>\n"
        if rows:
            text += "<table><tr>" + "".join(f"<th>{name}</th>" for name in header) + "</tr>\n"
            for row in rows:
                text += "<tr>" + "".join(f"<td><pre>{html.escape(cell)}</pre></td>" if "\n" in cell
                                         else f"<td>{html.escape(cell)}</td>" for cell in row)
                text += "</tr>\n"
            text += "</table>\n"
    return text


def draw(rows, path):
    """Draws edges over time, a line a harness. Returns why there is no plot, or None."""
    if not rows:
        return "nothing has run yet"
    try:
        _draw(rows, path)
    except Exception as error:  # whatever ails matplotlib, the report is written
        return f"{type(error).__name__}: {error}"
    return None


def _draw(rows, path):
    # It keeps a cache of fonts, which belongs into the folder that we manage.
    os.environ.setdefault("MPLCONFIGDIR", str(path.parent / "matplotlib"))
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot
    figure, axes = pyplot.subplots(figsize=(9, 5))
    for name in sorted({row[1] for row in rows}):
        points = [(row[0] / 60, row[2]) for row in rows if row[1] == name]
        axes.step(*zip(*points), where="post", label=name, marker=".")
    axes.set_xlabel("minutes of fuzzing, all harnesses together")
    axes.set_ylabel("edges reached")
    axes.legend()
    figure.tight_layout()
    try:
        figure.savefig(path)
    finally:
        pyplot.close(figure)


def write_report(store, files, no_coverage=None):
    """Writes the report and returns the path of its Markdown."""
    plot = store.folder / "growth.png"
    undrawn = draw(store.growth(), plot)
    parts = sections(store, files, no_coverage)
    path = store.folder / "report.md"
    write_atomically(path, as_markdown(parts) + "\n## Growth\n" +
                (f"No plot: {undrawn}.\n" if undrawn else f"![edges over time]({plot.name})\n"))
    write_atomically(store.folder / "report.html", as_html(parts) + "<h2>Growth</h2>" + (
        f"<p>No plot: {html.escape(undrawn)}.</p>\n" if undrawn else
        f"<img src='{plot.name}' alt='edges over time'>\n"))
    shutil.rmtree(store.scratch, ignore_errors=True)
    return path
