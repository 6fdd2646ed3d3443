"""Holds the orders that the tags of include/mneme state against the models' `--weaken` lines.

Usage: every_order.py ROOT. Of acq_rel, each half has to be needed. Whether a weakened model fails
is what its own test shows.
"""

import re
import sys
from pathlib import Path

root = Path(sys.argv[1])
sys.dont_write_bytecode = True
sys.path.insert(0, str(root / "tools"))
from atomic_tags import AtomicTags

# Plain std::atomics, which relacy does not see: of the fatal handler, which says so where it is declared,
# and of an adapter, whose races TSan looks for.
OUTSIDE_THE_SEAM = ("fatal.", "sender.")

violations = []
tags = AtomicTags(lambda *violation: violations.append(violation))
for file in sorted((root / "include/mneme").rglob("*.hpp")):
    if "testing" not in file.parts:  # explorations have one thread
        tags.read(file.name, file.read_text())
runs = "".join(file.read_text() for file in (root / "lit-tests/models").glob("*_model.cpp"))
weakened = set(re.findall(r"^// RUN: %fails --weaken=(\S+)", runs, re.MULTILINE))

needed, missing = 0, []
for tag in tags.tags.values():
    if tag.order == "relaxed" or tag.name.startswith(OUTSIDE_THE_SEAM):
        continue
    # Half of acq_rel is gone when only the other is left.
    halves = {"acq_rel": {"acquire": "=release", "release": "=acquire"}}
    for order, left in halves.get(tag.order, {tag.order: ""}).items():
        needed += 1
        if tag.name + left not in weakened:
            missing.append(f"({tag.name}) {order}: no model fails if it is weakened")
for file, line, *what in violations:
    print(f"{file}:{line}: {': '.join(map(str, what))}")
print("\n".join(missing) or f"all of {needed} orders are needed")
sys.exit(1 if missing or violations or not needed else 0)
