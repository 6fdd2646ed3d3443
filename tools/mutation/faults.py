"""A fault: one small change to a source, and the catalogue of those that somebody chose.

tools/faults.toml holds the catalogue. `old` must stand exactly once in `file`, and is, as `new` is,
either a whole expression or whole statements: then the fault can be switched on at run time, in a
build that holds all faults at once (see switches.py). `switched = false` marks a change of a
declaration, which no run can see, as it must not compile or must not pass the checks of the text.
"""

import tomllib
from dataclasses import dataclass, field

CLASSES = (
    "use after free", "double free", "out of bounds", "overlap", "lost coalescing", "misalignment",
    "overflow", "uninitialised read", "wrong type", "provenance", "invalid value", "leak", "race", "lost wakeup",
    "wrong order", "double grant", "cancel leak", "blocking free", "allocation in free",
    "unbounded loop", "wrong error", "missed misuse", "parser", "transcript")


class CatalogueError(Exception):
    """What is wrong with the catalogue, and where."""


@dataclass
class Fault:
    name: str
    file: str  # relative to the top of the tree
    start: int  # offsets of the text that is replaced
    end: int
    new: str
    kind: str = ""  # the class of a chosen fault, the operator of a mechanical one
    statement: bool = False
    switched: bool = True
    rust: str = ""  # what Miri or loom would have said of it
    reason: str = ""  # why nothing here can see it
    context: str = ""  # the function and line, for a reader
    number: int = field(default=0, compare=False)  # the value of MNEME_FAULT that switches it on


def _one(entry, key, name):
    value = entry.get(key)
    if not isinstance(value, str) or (not value.strip() and key != "new"):
        raise CatalogueError(f"fault {name}: needs the text `{key}`")
    return value


def load_catalogue(root, path):
    """The chosen faults, in the catalogue's order; CatalogueError names the first that is bad."""
    try:
        entries = tomllib.loads(path.read_text())["fault"]
    except (OSError, tomllib.TOMLDecodeError, KeyError) as error:
        raise CatalogueError(f"{path}: {error}") from error
    faults, names = [], set()
    for number, entry in enumerate(entries, 1):
        name = entry.get("name", f"number {number}")
        file, old, new = (_one(entry, key, name) for key in ("file", "old", "new"))
        if name in names:
            raise CatalogueError(f"fault {name}: there are two of that name")
        names.add(name)
        if _one(entry, "class", name) not in CLASSES:
            raise CatalogueError(f"fault {name}: no class `{entry['class']}`")
        try:
            text = (root / file).read_text()
        except OSError as error:
            raise CatalogueError(f"fault {name}: {error}") from error
        old, new = old.strip(), new.strip()
        if text.count(old) != 1:
            raise CatalogueError(f"fault {name}: `old` stands {text.count(old)} times in {file}")
        if old.endswith(",") and new.endswith(","):  # an argument was given with its comma
            old, new = old[:-1], new[:-1]
        start = text.index(old)
        faults.append(Fault(
            name=name, file=file, start=start, end=start + len(old), new=new, kind=entry["class"],
            statement=old.endswith((";", "}")), switched=entry.get("switched", True),
            rust=_one(entry, "rust", name), reason=entry.get("reason", "")))
    return faults
