"""Making a failing text short: whole lines first, then numbers. Deterministic.

The lines go as in Zeller and Hildebrandt's delta debugging (ddmin), 2002.
"""

import re
import time

from .common import STOPPING, Stopped

TRIES_MAX = 600
SECONDS_MAX = 300


class _Budget:
    def __init__(self, fails):
        self.fails = fails
        self.left = TRIES_MAX
        self.end = time.monotonic() + SECONDS_MAX

    def __call__(self, lines):
        if STOPPING.is_set():
            raise Stopped
        if self.left <= 0 or time.monotonic() > self.end:
            return False
        self.left -= 1
        return self.fails("".join(lines))


def _fewer_lines(lines, fails):
    pieces = 2
    while len(lines) >= 2:
        size = max(1, len(lines) // pieces)
        for start in range(0, len(lines), size):
            rest = lines[:start] + lines[start + size:]
            if rest and fails(rest):
                lines, pieces = rest, max(pieces - 1, 2)
                break
        else:
            if size == 1:
                return lines
            pieces = min(pieces * 2, len(lines))
    return lines


def _smaller_numbers(lines, fails):
    for at, line in enumerate(lines):
        for match in reversed(list(re.finditer(r"(?<![\w.-])\d+[KMG]?(?![\w.-])", line))):
            for number in ("0", "8", "16", "64", "1K"):
                shorter = line[:match.start()] + number + line[match.end():]
                if len(number) < len(match[0]) and fails([*lines[:at], shorter, *lines[at + 1:]]):
                    lines, line = [*lines[:at], shorter, *lines[at + 1:]], shorter
                    break
    return lines


def shortest(text, fails):
    """The shortest text found that still fails; the text itself if even that does not."""
    tries = _Budget(fails)
    lines = text.splitlines(keepends=True)
    if not tries(lines):
        return text
    lines = _fewer_lines(lines, tries)
    lines = _smaller_numbers(lines, tries)
    return "".join(_fewer_lines(lines, tries))
