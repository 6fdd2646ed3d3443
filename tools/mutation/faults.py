"""A fault: one small change to a source, and the catalogue of those that somebody chose.

tools/faults.toml holds the catalogue. `old` must stand exactly once in `file`, and is, as `new` is,
either a whole expression or whole statements: then the fault can be switched on at run time, in a
build that holds all faults at once (see switches.py). `switched = false` marks a change of a
declaration, which no run can see, as it must not compile or must not pass the checks of the text.
"""

import tomllib
from dataclasses import dataclass, field

KEYS = {"name": str, "class": str, "file": str, "old": str, "new": str, "rust": str, "reason": str,
        "switched": bool, "also": dict}
CLASSES = (
    "use after free", "double free", "out of bounds", "overlap", "lost coalescing", "misalignment",
    "overflow", "uninitialised read", "wrong type", "provenance", "invalid value", "leak", "race", "lost wakeup",
    "wrong order", "double grant", "cancel leak", "blocking free", "allocation in free",
    "unbounded loop", "wrong error", "missed misuse", "overhead", "parser", "transcript",
    "weak judge")


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
    number: int = field(default=0, compare=False)  # the value of MNEME_FAULT that switches it on
    also: "Fault | None" = None  # the same fault's second place

    def changes(self):
        """All its places."""
        return [self, self.also] if self.also else [self]

    def texts(self, root):
        """What its files are with the fault in them."""
        texts = {}
        for change in sorted(self.changes(), key=lambda change: -change.start):
            text = texts.get(change.file) or (root / change.file).read_text()
            texts[change.file] = text[:change.start] + change.new + text[change.end:]
        return tuple(sorted(texts.items()))


def _one(entry, key, name):
    value = entry.get(key)
    if not isinstance(value, str) or (not value.strip() and key != "new"):
        raise CatalogueError(f"fault {name}: needs the text `{key}`")
    return value


def _placed(root, entry, name):
    """A change with its place in the sources."""
    file, old, new = (_one(entry, key, name) for key in ("file", "old", "new"))
    try:
        text = (root / file).read_text()
    except OSError as error:
        raise CatalogueError(f"fault {name}: {error}") from error
    old, new = old.strip(), new.strip()
    if text.count(old) != 1:
        raise CatalogueError(f"fault {name}: `old` stands {text.count(old)} times in {file}")
    if old == new:
        raise CatalogueError(f"fault {name}: `new` is the same as `old`")
    start = text.index(old)
    if old.endswith(",") and new.endswith(","):  # an argument was given with its comma
        old, new = old[:-1], new[:-1]
    return Fault(name=name, file=file, start=start, end=start + len(old), new=new,
                 statement=old.endswith((";", "}")))


def load_catalogue(root, path):
    """The chosen faults, in the catalogue's order; CatalogueError names the first that is bad."""
    try:
        entries = tomllib.loads(path.read_text()).get("fault")
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise CatalogueError(f"{path}: {error}") from error
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise CatalogueError(f"{path}: holds no [[fault]]")
    faults, names, texts = [], set(), {}
    for number, entry in enumerate(entries, 1):
        name = _one(entry, "name", f"number {number}")
        if "|" in name or "\n" in name:
            raise CatalogueError(f"fault number {number}: its name would break the table")
        for key, value in entry.items():
            if not isinstance(value, KEYS.get(key, ())):
                raise CatalogueError(f"fault {name}: `{key}` is no key, or not of its type")
        for key in entry.get("also", ()):
            if key not in ("file", "old", "new"):
                raise CatalogueError(f"fault {name}: `also.{key}` is no key")
        for key in ("rust", "reason"):
            if "|" in entry.get(key, "") or "\n" in entry.get(key, ""):
                raise CatalogueError(f"fault {name}: its `{key}` would break the table")
        fault = _placed(root, entry, name)
        if name in names:
            raise CatalogueError(f"fault {name}: there are two of that name")
        names.add(name)
        if "also" in entry:
            fault.also = _placed(root, entry["also"], name)
        if (same := texts.setdefault(fault.texts(root), name)) != name:
            raise CatalogueError(f"fault {name}: the same as {same}")
        if _one(entry, "class", name) not in CLASSES:
            raise CatalogueError(f"fault {name}: no class `{entry['class']}`")
        fault.kind, fault.rust = entry["class"], _one(entry, "rust", name)
        fault.switched, fault.reason = entry.get("switched", True), entry.get("reason", "")
        faults.append(fault)
    return faults
