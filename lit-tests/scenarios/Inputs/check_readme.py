"""Compares README.md with what it shows: its script and transcript, its example; and in it and the READMEs of
the folders, the paths and the tests that they name.

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

if readme.count("\n") > 150:
    wrong.append(f"{readme.count(chr(10))} lines, allowed 150")

# Words in backquotes that look like paths of this tree.
library = (root / "include/mneme/README.md").read_text()
readmes = [root / "README.md", *(file for top in ("include", "src", "lit-tests", "tools", "fuzz") for file in (root / top).rglob("README.md"))]
for name in (str(file.relative_to(root)) for file in readmes):
    for word in re.findall(r"`([\w./*-]+)`", (root / name).read_text()):
        top = word.split("/")[0]
        if top in ("include", "src", "lit-tests", "tools", "fuzz") and "/" in word \
                and not [*root.glob(word), *(root / "lit-tests").glob(f"{word}.*")]:
            wrong.append(f"{name}: there is no {word}")

# The tests of the table of promises.
promises = re.findall(r"^\| (P\d+) \|.*\| (.*) \|$", library, re.MULTILINE)
if [row[0] for row in promises] != [f"P{n}" for n in range(1, 16)]:
    wrong.append("the table of include/mneme/README.md has not the promises P1 to P15")
for promise, tests in promises:
    names = re.findall(r"`([\w./-]+)`", tests)
    if not names:
        wrong.append(f"{promise} names no test")
    for name in names:
        if not [file for file in (root / "lit-tests").glob(f"{name}*") if file.is_file()]:
            wrong.append(f"{promise} names {name}, which is no test")

print("\n".join(f"README.md: {line}" for line in wrong) or "README.md tells the truth")
sys.exit(bool(wrong))
