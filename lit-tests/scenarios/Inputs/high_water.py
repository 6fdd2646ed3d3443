"""The high-water mark of a recording, and what it does on heaps of that size, above and below (P15).

    high_water.py MNEME SCRIPT RAW

Prints the end of the last block in a run in which nothing waits, and stops unless a heap of just that
size does the same, step by step; and unless on one word less something waits.
"""

import re
import subprocess
import sys

WORD = 8
RESULT = re.compile(r"(?:granted at|resized at|moved to) (\d+)$")
STEP = re.compile(r"\d+: (?:alloc|resize) \S+ (\d+)([KMG]?)")
HEAP = re.compile(r"-> (\d+) bytes")
UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def command(mneme, raw):
    return [*mneme.split(), "run", f"--raw={raw}"]


def run(mneme, script, raw, *options):
    """The heap's size, all steps and what came of them, and the summary's first line."""
    lines = subprocess.run([*command(mneme, raw), *options, script], capture_output=True, text=True,
                           check=True).stdout.splitlines()
    steps = [line for line in lines if not line.startswith("summary:")]
    summary = next(line for line in lines if line.startswith("summary:"))
    return int(HEAP.search(steps[0])[1]), steps[1:], summary


def high_water(steps):
    mark = 0
    for line in steps:
        result, step = RESULT.search(line), STEP.match(line)
        if result and step:
            payload = int(step[1]) * UNITS[step[2]]
            rounded = max((payload + WORD - 1) // WORD * WORD, WORD)
            mark = max(mark, int(result[1]) + rounded)
    return mark


def main():
    mneme, script, raw = sys.argv[1:]
    roomy_bytes, roomy, summary = run(mneme, script, raw)
    mark = high_water(roomy)
    if " 0 after waiting, 0 refused" not in summary or not WORD < mark < roomy_bytes:
        sys.exit(f"not a roomy run: {summary}")
    if run(mneme, script, raw, f"--heap={mark}")[1] != roomy:
        sys.exit(f"{raw}: not the same on {mark} bytes")
    tight = subprocess.run([*command(mneme, raw), "--quiet", f"--heap={mark - WORD}", script],
                           capture_output=True, text=True, check=False).stdout
    if not re.search(r" [1-9]\d* after waiting", tight):
        sys.exit(f"{raw}: nothing waits on {mark - WORD} bytes: {tight}")
    print(f"{raw}: {mark}")


main()
