"""Prints the table of README.md: which policies of the queue mend which scenarios that deadlock with FIFO.

    queues.py MNEME FOLDER
"""

import subprocess
import sys
from pathlib import Path

BOUNDS = (1, 2, 4, 8)


def verdict(mneme, path, queue):
    run = subprocess.run([*mneme.split(), "explore", "--no-advice", f"--queue={queue}", str(path)], capture_output=True,
                         text=True)
    line = run.stdout.split("\n", 1)[0]
    kinds = [kind for kind in ("no deadlock", "deadlock", "stuck", "not decided") if line.startswith(kind)]
    if not kinds:
        sys.exit(f"{path.name}, {queue}: {line}{run.stderr}")
    return kinds[0]


def main():
    mneme, folder = sys.argv[1], Path(sys.argv[2])
    rows, least, holders = [], [], 0
    for path in sorted(folder.glob("*.mn")):
        text = path.read_text()
        if "\ntask " not in text or verdict(mneme, path, "fifo") != "deadlock":
            continue
        bound = next((bound for bound in BOUNDS if verdict(mneme, path, f"overtaking:{bound}") == "no deadlock"), None)
        holds = verdict(mneme, path, "holders-first") == "no deadlock"
        rows.append(f"| `{path.stem}` | {bound or '-'} | {'yes' if holds else '-'} |")
        least += [bound] if bound else []
        holders += holds
    print("| deadlock with FIFO | none with overtaking of | none with holders first |")
    print("|---|---|---|")
    print("\n".join(rows))
    print(f"\nOf {len(rows)} scenarios with a deadlock, bounded overtaking mends {len(least)} (a bound of 1 is enough in "
          f"{least.count(1)}), and holders first {holders}.")


main()
