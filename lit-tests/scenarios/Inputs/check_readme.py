"""Holds README.md against what it shows: its script and transcript, its example, the paths it names.

usage: check_readme.py README.md MNEME
"""

import re
import subprocess
import sys
from pathlib import Path

readme_path, mneme = Path(sys.argv[1]), sys.argv[2:]
root = readme_path.parent
readme = readme_path.read_text()
wrong = []


def block(name):
    """The fenced block behind the comment <!-- name -->."""
    match = re.search(rf"<!-- {name} -->\n```\w*\n(.*?)```\n", readme, re.DOTALL)
    if not match:
        sys.exit(f"README.md: no block {name}")
    return match[1]


run = subprocess.run([*mneme, "run", "-"], input=block("script"), capture_output=True, text=True)
if run.returncode != 0:
    wrong.append(f"its script ends with {run.returncode}: {run.stderr}")
if run.stdout != block("transcript"):
    wrong.append(f"its script prints something else:\n{run.stdout}")

source = (root / "src/examples/first_steps.cpp").read_text()
if block("example") not in source:
    wrong.append("its example is not in src/examples/first_steps.cpp")

# Words in backquotes that look like paths of this tree, and the tests of the table of promises.
for word in re.findall(r"`([\w./*-]+)`", readme):
    top = word.split("/")[0]
    if top in ("include", "src", "lit-tests", "tools") and not list(root.glob(word)):
        wrong.append(f"there is no {word}")
promises = re.findall(r"^\| (P\d+) \|.*\| (.*) \|$", readme, re.MULTILINE)
if [row[0] for row in promises] != [f"P{n}" for n in range(1, 14)]:
    wrong.append("its table has not the promises P1 to P13")
for promise, tests in promises:
    names = re.findall(r"`([\w./-]+)`", tests)
    if not names:
        wrong.append(f"{promise} names no test")
    for name in names:
        if not [file for file in (root / "lit-tests").glob(f"{name}*") if file.is_file()]:
            wrong.append(f"{promise} names {name}, which is no test")

print("\n".join(f"README.md: {line}" for line in wrong) or "README.md tells the truth")
sys.exit(bool(wrong))
