#!/usr/bin/python3
"""Runs every model in build/model, and prints the table of them that lit-tests/README.md shows: how far each
searched, and which mutations its test makes to see it fail (an order relaxed; -TAG: a write left out).
"""

import re
import subprocess
import sys
from pathlib import Path

root = Path(__file__).resolve().parents[3]
print("| model | searched | interleavings | fails with |\n|---|---|---|---|")
for test in sorted(root.glob("lit-tests/models/*_model.cpp")):
    done = subprocess.run([root / "build/model" / test.stem, "--random=0"], cwd=root,
                          capture_output=True, text=True)
    found = re.fullmatch(r"(\w+): (.+): (\d+) interleavings, no failure\n", done.stdout)
    if done.returncode != 0 or not found:
        sys.exit(f"{test.stem}: {done.stdout}{done.stderr}")
    mutations = dict.fromkeys(("" if kind == "weaken" else "-") + tag for kind, tag in
                              re.findall(r"%fails --(weaken|lose)=(\S+)", test.read_text()))
    how = found[2].replace(" search", "")
    print(f"| `{found[1]}` | {how} | {int(found[3]):,} | {', '.join(f'`{tag}`' for tag in mutations)} |")
