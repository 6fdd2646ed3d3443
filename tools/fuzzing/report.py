"""The morning's reading: report.md, report.html and a plot of the growth."""

import html
import os
import shutil

from .coverage import table
from .places import write_whole


def sections(store, files):
    """[(title, text, header, rows)]: a report is these, whatever its format."""
    state, folder = store.state, store.folder
    findings = sorted(store.findings.iterdir()) if store.findings.is_dir() else []
    rows = []
    for found in findings:
        what = (found / "what.txt").read_text().splitlines()
        count = (found / "count").read_text() if (found / "count").exists() else "1"
        script = (found / "script.mn").read_text(errors="replace") if \
            (found / "script.mn").exists() else ""
        rows.append((what[0], count, what[-1].removeprefix("to reproduce: "), script))
    result = [("Findings", f"{len(findings)} in {folder / 'findings'}." if findings else
               "Nothing was found.", ("what", "times", "to reproduce", "script"), rows)]
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
    if state["notes"]:
        result.append(("Notes", "", ("what happened",), [(note,) for note in state["notes"]]))
    return result


def as_markdown(parts, plot):
    text = "# Fuzzing\n"
    for title, intro, header, rows in parts:
        text += f"\n## {title}\n{intro}\n"
        if rows:
            text += "\n| " + " | ".join(header) + " |\n" + "|---" * len(header) + "|\n"
        for row in rows:
            cells = [cell if "\n" not in cell else "below" for cell in row]
            text += "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"
        text += "".join(f"\n{row[0]}:\n```\n{cell}```\n" for row in rows for cell in row
                        if "\n" in cell)
    return text + (f"\n## Growth\n![edges over time]({plot.name})\n" if plot else "")


def as_html(parts, plot):
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
    return text + (f"<h2>Growth</h2><img src='{plot.name}' alt='edges over time'>\n" if plot else "")


def draw(rows, path):
    """Edges over time, a line a harness. False without matplotlib, or with nothing to show."""
    # It keeps a cache of fonts, which belongs into the folder that we manage.
    os.environ.setdefault("MPLCONFIGDIR", str(path.parent / "matplotlib"))
    try:
        import matplotlib
    except ImportError:
        return False
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
    figure.savefig(path)
    pyplot.close(figure)
    return bool(rows)


def write_report(store, files):
    """Writes the report and returns the path of its Markdown."""
    plot = store.folder / "growth.png"
    rows = store.growth()
    drawn = draw(rows, plot) if rows else False
    parts = sections(store, files)
    path = store.folder / "report.md"
    write_whole(path, as_markdown(parts, plot if drawn else None))
    write_whole(store.folder / "report.html", as_html(parts, plot if drawn else None))
    shutil.rmtree(store.scratch, ignore_errors=True)
    return path
