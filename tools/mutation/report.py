"""The table fault × layer, as Markdown, and what is missing in it."""

import datetime
import re
import subprocess

from layers import READ, TESTED
from results import OWN

SIGNS = {"tool": "T", "check": "C", "test": "x", "time": "t"}
BEGIN, END = "<!-- faults -->\n", "<!-- /faults -->\n"
LEGEND = ("**T** the layer's own tool reports it (for relacy, also a model's assertions, of which loom alone would say "
          "nothing; static: often the form of the fault, or, for an order, that it differs from its comment) · "
          "**C** a check of mneme or the driver's oracle stops it · "
          "**x** a test's expectation fails · **t** a test takes too long · – not detected · "
          "**·** not detected by 20 s of tests; they were cut short, as another layer's tests had detected it · "
          "blank: no test of the layer reaches it, or it is in a declaration, which only compilers check · "
          "**?** not run. Miri, loom: what they would report for the same fault in Rust (an estimate).")


def survivors(faults, results, layers):
    """Those that no layer saw."""
    def caught(fault):
        verdicts = (results.get(fault, layer) for layer in layers)
        return any(verdict and verdict.test for verdict in verdicts)
    return [fault for fault in faults if not caught(fault)]


def _cell(fault, layer, results):
    verdict = results.get(fault, layer)
    if verdict is None:
        return ""
    return SIGNS[verdict.by] if verdict.test else {"enough": "·", "unreached": ""}.get(verdict.by, "–")


def _first(fault, layers, results):
    # What is said of the text may be about how a fault was spelt, so tests go first.
    for layer in sorted(layers, key=lambda layer: layer == "static"):
        verdict = results.get(fault, layer)
        if verdict and verdict.test:
            test = re.sub(r"(_test\.cpp|\.mn|\.test)$", "", verdict.test)
            return f"{layer}: {test}"
    return f"not caught: {fault.reason}" if fault.reason else "**not caught**"


def table(faults, results, layers):
    """A row a fault, grouped by class."""
    lines = [f"| fault | class | {' | '.join(layers)} | first seen by | Miri, loom |",
             "|---" * (len(layers) + 4) + "|"]
    order = list(dict.fromkeys(fault.kind for fault in faults))
    for fault in sorted(faults, key=lambda fault: order.index(fault.kind)):
        cells = [fault.name, fault.kind, *(_cell(fault, layer, results) for layer in layers),
                 _first(fault, layers, results), fault.rust]
        lines.append(f"| {' | '.join(cells)} |")
    by_text = len(survivors(faults, results, [layer for layer in layers if layer != "static"])) - \
        len(survivors(faults, results, layers))
    sums = [str(sum(_cell(fault, layer, results) in SIGNS.values() for fault in faults))
            for layer in layers]
    lines.append(f"| **{len(faults)} faults** | | {' | '.join(sums)} | "
                 f"{len(faults) - len(survivors(faults, results, layers))} seen, {by_text} of them by "
                 "static alone | |")
    return "\n".join(lines) + "\n"


def extend(root, faults, results, layers):
    """Puts a row for each fault that the table in lit-tests/FAULTS.md lacks behind its others, with `?` where a
    layer was not asked; returns how many. The rows that are there stay, with `?` for layers that are newer than
    the table, and so does the commit they name."""
    file = root / "lit-tests/FAULTS.md"
    before, begin, rest = file.read_text().partition(BEGIN)
    text, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError("lit-tests/FAULTS.md has no markers `<!-- faults -->` and `<!-- /faults -->`")
    *lines, _sums = text.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("| fault |"))
    asked = _cells(lines[at])[2:-2]
    if [layer for layer in layers if layer in asked] != asked:
        raise ValueError("lit-tests/FAULTS.md has other columns: tools/mutants --write makes its table anew")
    rows = [_widened(_cells(line), asked, layers) for line in lines[at + 2:]]
    known = {row[0] for row in rows}
    new = [fault for fault in faults if fault.name not in known]
    for fault in new:
        cells = [_cell(fault, layer, results) if results.get(fault, layer) else "?" for layer in layers]
        rows.append([fault.name, fault.kind, *cells, _first(fault, layers, results), fault.rust])
    seen = [[cell in SIGNS.values() for cell in row[2:2 + len(layers)]] for row in rows]
    static = layers.index("static")
    by_text = sum(row[static] and sum(row) == 1 for row in seen)
    sums = [str(sum(row[column] for row in seen)) for column in range(len(layers))]
    head = table([], results, layers).splitlines()[:2]
    text = "\n".join([*lines[:at], *head, *(f"| {' | '.join(row)} |" for row in rows),
                      f"| **{len(rows)} faults** | | {' | '.join(sums)} | {sum(map(any, seen))} seen, {by_text} of them "
                      "by static alone | |"])
    file.write_text(before + BEGIN + text + "\n" + END + after)
    return len(new)


def _cells(line):
    return line[2:-2].split(" | ")


def _widened(row, asked, layers):
    """A row of a table with the columns `asked`, as a row of one with all layers."""
    cells = dict(zip(asked, row[2:]))
    return [*row[:2], *(cells.get(layer, "?") for layer in layers), *row[2 + len(asked):]]


def score(faults, results, layers, justified):
    """How many of the mechanical faults were seen, by operator, and which were not."""
    lines = ["| operator | faults | seen | by static alone | equivalent | survived |",
             "|---|---|---|---|---|---|"]
    alive = survivors(faults, results, layers)
    unseen = survivors(faults, results, [layer for layer in layers if layer != "static"])
    for kind in [*sorted({fault.kind for fault in faults}), "all"]:
        some = [fault for fault in faults if kind in (fault.kind, "all")]
        left = [fault for fault in some if fault in alive]
        excused = sum(fault.name in justified for fault in left)
        read = sum(fault in unseen for fault in some) - len(left)
        lines.append(f"| {kind} | {len(some)} | {len(some) - len(left)} | {read} | {excused} | "
                     f"{len(left) - excused} |")
    counted = len(faults) - sum(fault.name in justified for fault in alive)
    killed = len(faults) - len(unseen)
    lines.append("")
    lines.append(f"score: tests see {killed} of {counted} that can be seen: {100 * killed / counted:.1f} %"
                 if counted else "score: none")
    return "\n".join(lines) + "\n"


def _git(root, *command):
    """What git says, or nothing where the sources came without it."""
    try:
        return subprocess.run(["git", *command], cwd=root, capture_output=True, text=True).stdout.strip()
    except OSError:
        return ""


def write(root, text):
    """Puts the table between its markers in lit-tests/FAULTS.md."""
    table = root / "lit-tests/FAULTS.md"
    before, begin, rest = table.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError("lit-tests/FAULTS.md has no markers `<!-- faults -->` and `<!-- /faults -->`")
    # The last that changed what the verdicts rest on: they hold for nothing else.
    rests_on = [*TESTED, *READ, "tools/faults.toml", *(f"tools/mutation/{name}" for name in OWN),
                ":(exclude)lit-tests/tools", ":(exclude)*.md"]
    commit = _git(root, "log", "-1", "--format=%h", "--", *rests_on) or "no commit"
    if _git(root, "status", "--porcelain", "--", *rests_on):
        commit += ", with changes"
    date = datetime.date.today().isoformat()
    note = f"Written by `tools/mutants --write` on {date}, at {commit}.\n{LEGEND}\n\n"
    table.write_text(before + BEGIN + note + text + END + after)
