#!/usr/bin/python3
"""Writes the CHECK lines of scripts that expect their whole transcript, from a run of the driver.

Usage: lit-tests/write_checks.py MNEME FILE.mn...

Each line of the transcript becomes a CHECK line below the step that it is about, with line numbers
relative to itself, so that a script can be edited freely. It only saves typing: what it wrote must
be read before it is committed, for it believes whatever the driver says.
"""

import re
import subprocess
import sys
from pathlib import Path

STEP = re.compile(r"(\d+): (?!.* \(held\) -> )")
LINE_NUMBER = re.compile(r"^(\d+)(?=: )|(?<=\(line )(\d+)(?=\))|(?<=since line )(\d+)")


def transcript_of(mneme, file, script):
    arguments = re.search(r"%mneme run (.*?)%s", script)[1].split()
    return subprocess.run([mneme, "run", *arguments, file], capture_output=True,
                          text=True).stdout.splitlines()


def rewritten(mneme, file):
    lines = [line for line in Path(file).read_text().splitlines() if not line.startswith("# CHECK")]
    Path(file).write_text("\n".join(lines) + "\n")
    below = {number: [] for number in range(len(lines) + 1)}  # what is told of each line
    at = len(lines)
    for told in transcript_of(mneme, file, "\n".join(lines)):
        step = STEP.match(told)
        if step:
            at = int(step[1])
        elif re.match("(end ->|deadlock:|summary:)", told):
            at = len(lines)
        below[at].append(told)

    new_number = {}  # of each line, once the CHECK lines are between them
    text = []
    keyword = "CHECK"
    for number, line in enumerate(lines, 1):
        text.append(line)
        new_number[number] = len(text)
        for told in below[number]:
            here = len(text) + 1
            told = LINE_NUMBER.sub(lambda found: f"[[#@LINE-{here - new_number[int(found[0])]}]]",
                                   told)
            text.append(f"# {keyword}: {told}")
            keyword = "CHECK-NEXT"
    return "\n".join(text) + "\n"


def main():
    mneme, *files = sys.argv[1:]
    for file in files:
        Path(file).write_text(rewritten(mneme, file))


main()
