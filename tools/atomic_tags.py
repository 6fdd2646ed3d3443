"""The rule for atomics: every operation states its orders, and each order has a tag in a comment.

    // (free.push) release: pairs with acquire (free.drain); publishes link and size.
    // (free.retry) relaxed: the failed attempt only learns the new head; publishes nothing.
    while (!head_.compare_exchange_weak(head, node, std::memory_order_release,
                                        std::memory_order_relaxed)) {}

A tag stands on the operation's line or in the comment right above its statement, in the order of
the memory orders. Partners exist, name each other back, and are a releasing and an acquiring side.
"""

import re
from dataclasses import dataclass, field

from cpp_text import arguments_at, code_of, line_at

_OPERATION = re.compile(r"(?:\.|->)\s*(load|store|exchange|compare_exchange_\w+|fetch_\w+|"
                        r"test_and_set|wait|notify_one|notify_all)\s*(?=\()")
_DECLARATION = re.compile(r"\b(?:Atomic|std::atomic)\s*<(?:[^;{}()<>]|<[^<>]*>)*>\s+(\w+)\s*[;{=]")
_ORDER = re.compile(r"\bmemory_order(?:_|::)(\w+)")
_TAG = re.compile(r"\((\w+\.\w+)\) (relaxed|acquire|release|acq_rel|seq_cst): ")
_PARTNER = re.compile(r"(?:\b(relaxed|acquire|release|acq_rel|seq_cst) )?\((\w+\.\w+)\)")
_SIDES = {"release": {"release"}, "acquire": {"acquire"}, "acq_rel": {"release", "acquire"},
          "seq_cst": {"release", "acquire"}, "relaxed": set()}


@dataclass
class Tag:
    file: str
    line: int
    name: str
    order: str
    text: str
    partners: list = field(default_factory=list)  # (order or "", name)


def _comment_above(lines, line):
    """(first line, text) of the comment lines that end right above `line`, which counts from 1."""
    first = line
    while first > 1 and lines[first - 2].lstrip().startswith("//"):
        first -= 1
    return first, " ".join(text.lstrip(" /") for text in lines[first - 1:line - 1])


def _tags_in(file, line, comment):
    found = list(_TAG.finditer(comment))
    for match, following in zip(found, found[1:] + [None]):
        text = comment[match.end():following.start() if following else None]
        tag = Tag(file, line, match[1], match[2], text)
        promise = re.search(r"pairs with ([^;]*)", text)
        if promise:
            tag.partners = [partner.groups("") for partner in _PARTNER.finditer(promise[1])]
        yield tag


class AtomicTags:
    """Feed it every file, then ask for the violations."""

    def __init__(self, report):
        self.report = report  # report(file, line, message)
        self.tags = {}
        self.codes = {}  # file: its code

    def _define(self, tag):
        other = self.tags.setdefault(tag.name, tag)
        if other is not tag:
            self.report(tag.file, tag.line,
                        f"tag ({tag.name}) is also at {other.file}:{other.line}")

    def read(self, file, text):
        """Checks the operations of one file and notes its tags."""
        code, lines, used = code_of(text), text.split("\n"), set()
        self.codes[file] = code
        for fence in re.finditer(r"\batomic_(thread|signal)_fence\b", code):
            self.report(file, line_at(code, fence.start()),
                        "no fences: ThreadSanitizer does not understand them")
        statements = {}  # start of the statement: [its operations]
        for operation in _OPERATION.finditer(code):
            before = code[:operation.start()]
            start = max(before.rfind(mark) for mark in ";{}") + 1
            start += len(before[start:]) - len(before[start:].lstrip())
            statements.setdefault(start, []).append(operation)
        for start, operations in statements.items():
            first, comment = _comment_above(lines, line_at(code, start))
            for line in range(line_at(code, start), line_at(code, operations[-1].end()) + 1):
                comment += " " + lines[line - 1].partition("//")[2]
            tags = list(_tags_in(file, first, comment))
            used |= {tag.name for tag in tags}
            for tag in tags:
                self._define(tag)
            self._match(file, code, operations, tags)
        for tag in _TAG.finditer(text):
            if tag[1] not in used:
                self.report(file, line_at(text, tag.start()), f"tag ({tag[1]}) is at no operation")

    def _match(self, file, code, operations, tags):
        """Each order of each operation takes the next tag; an equal order may share its tag."""
        for operation in operations:
            name, line = operation[1], line_at(code, operation.start())
            orders = _ORDER.findall(arguments_at(code, operation.end()))
            if name.startswith("notify"):
                orders = orders or ["relaxed"]
            needed = 2 if name.startswith("compare_exchange") else 1
            if len(orders) < needed:
                self.report(file, line, f"{name} does not state its memory order"
                            + ("s, of success and of failure" if needed == 2 else ""))
                continue
            previous = None
            for order in orders:
                if tags and tags[0].order == order:
                    previous = tags.pop(0).order
                elif order != previous:
                    self.report(file, line, f"{name} has no tag for its order {order} here")
        for tag in tags:
            self.report(file, tag.line, f"tag ({tag.name}) fits no order of its operation")

    def _check_bare_uses(self):
        """`name = x`, `++name`, `if (name)` and the like are seq_cst without saying so."""
        shared = set()  # public members are used in other files as well
        for code in self.codes.values():
            shared |= {name for name in _DECLARATION.findall(code) if not name.endswith("_")}
        for file, code in self.codes.items():
            declared = {match.start(1): match[1] for match in _DECLARATION.finditer(code)}
            for name in sorted(shared | set(declared.values())):
                start = r"\b" if name.endswith("_") else r"(?:\.|->)\s*"
                for use in re.finditer(rf"{start}({name})\b(?!\s*(?:\.|->|\(|{{))", code):
                    if use.start(1) not in declared:
                        self.report(file, line_at(code, use.start()),
                                    f"{name} is atomic: use it through load, store and so on")

    def finish(self):
        """Checks bare uses, what each tag says, and that partners name each other."""
        self._check_bare_uses()
        for tag in self.tags.values():
            def wrong(message, tag=tag):
                self.report(tag.file, tag.line, f"tag ({tag.name}) {message}")

            if tag.order == "relaxed":
                if not re.search(r"\bpublish(es)? nothing\b", tag.text):
                    wrong("must say why it publishes nothing")
                continue
            if tag.order == "seq_cst" and "proof:" not in tag.text:
                wrong("needs a written proof (`proof: …`)")
            if not tag.partners:
                wrong("must say `pairs with ORDER (tag)`")
            for order, name in tag.partners:
                partner = self.tags.get(name)
                if not partner:
                    wrong(f"pairs with ({name}), which is nowhere")
                elif tag.name not in [back for _, back in partner.partners]:
                    wrong(f"pairs with ({name}), which does not name it back")
                elif order and order != partner.order:
                    wrong(f"calls ({name}) {order}, but it is {partner.order}")
                elif not any({mine, theirs} == {"release", "acquire"}
                             for mine in _SIDES[tag.order] for theirs in _SIDES[partner.order]):
                    wrong(f"and ({name}) are not a releasing and an acquiring side")
