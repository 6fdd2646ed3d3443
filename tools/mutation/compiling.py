"""Which of the mechanical faults compile.

All are switched in, and the compiler's complaints tell whose line they are about: those faults are
left out, and what complained is compiled again, until nobody does.
"""

import hashlib
import json
import re
import shlex
from concurrent.futures import ThreadPoolExecutor

import processes
from fuzzing.common import write_atomically
from layers import LayerError, configure_of, version_of
from switches import copy_tree

COMPLAINT = re.compile(r"^(\S*include/mneme/\S+?):(\d+):\d+: (error|note)", re.MULTILINE)


def _blamed(tree, output):
    """The numbers of the faults on whose lines errors are, or that led to an error elsewhere."""
    numbers, pending = set(), False
    for path, line, what in COMPLAINT.findall(output):
        text = (tree / path).read_text().splitlines()[int(line) - 1]
        found = re.match(r"/\*(\d+)\*/", text)
        if what == "error":
            pending = not found
        if found and (what == "error" or pending):
            numbers.add(int(found[1]))
            pending = False
    return numbers


def keep_what_compiles(root, folder, faults, jobs):
    """The faults that compile; what was found is kept in `folder`."""
    configure = configure_of(root)
    flags = [*configure.COMMON.replace(" -Werror", " -Wno-everything").split(),
             *shlex.split(configure.VARIANTS["asan"][1]), "-Isrc", "-fsyntax-only", "-ferror-limit=0"]
    key = hashlib.sha256(repr([version_of(configure.CLANG), flags,
                               [(fault.name, fault.new) for fault in faults]]).encode())
    for file in sorted((root / "include").rglob("*.hpp")):
        key.update(file.read_bytes())
    cache = folder / f"compiling-{key.hexdigest()[:16]}.json"
    if cache.is_file():
        bad = set(json.loads(cache.read_text()))
        return [fault for fault in faults if fault.name not in bad]

    kept, tree = faults, folder / "syntax"
    units = [file.relative_to(root) for file in sorted((root / "lit-tests").glob("**/*_test.cpp"))]
    # Most complaints are all units', so a few are asked first.
    for due in (units[::8], units):
        while due:
            copy_tree(root, tree, kept)
            with ThreadPoolExecutor(jobs) as pool:
                outcomes = list(pool.map(
                    lambda unit: processes.run([configure.CLANG, *flags, unit], tree), due))
            due = [unit for unit, (code, _) in zip(due, outcomes) if code != 0]
            blamed = set().union(*(_blamed(tree, output) for _, output in outcomes))
            if due and not blamed:
                raise LayerError(f"{due[0]} does not compile, and no fault is to blame:\n"
                                 + next(output for code, output in outcomes if code)[-3000:])
            kept = [fault for fault in kept if fault.number not in blamed]
            print(f"{len(faults) - len(kept)} of {len(faults)} faults do not compile; "
                  f"{len(due)} units complained", flush=True)
    names = {fault.name for fault in kept}
    write_atomically(cache, json.dumps([fault.name for fault in faults if fault.name not in names]))
    return kept
