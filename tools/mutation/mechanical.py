"""The faults that nobody chose: each operator of this table at each place of include/mneme.

    compare   < becomes <=, == becomes != …     constant  n becomes n + 1, true becomes false
    logic     && becomes ||, !x becomes x        drop      a statement is left out
    sum       + becomes -, & becomes | …         order     a memory order is weakened
    choose    the branches of ?: are exchanged   negate    the condition of an if or a loop

Places come from clang's own tree, not from the text. Left out is what no run can see: constants of
the compiler (static_assert, if constexpr, template arguments, declarations), and #if'd-out lines. Not
tried: to drop a `return` or `break`, and anything between the #ifdefs of a tool other than ASan.
"""

import re

from clang import cindex

from cpp_text import code_of, line_at
from faults import Fault

SWAPS = {
    "<": ["<=", ">="], "<=": ["<", ">"], ">": [">=", "<="], ">=": [">", "<"],
    "==": ["!="], "!=": ["=="], "&&": ["||"], "||": ["&&"],
    "+": ["-"], "-": ["+"], "*": ["/"], "/": ["*"], "%": ["/"], "&": ["|"], "|": ["&"],
    "+=": ["-="], "-=": ["+="]}
NAMES = {"<": "compare", "<=": "compare", ">": "compare", ">=": "compare", "==": "compare",
         "!=": "compare", "&&": "logic", "||": "logic"}
WEAKER = {"acq_rel": ["acquire", "release"], "acquire": ["relaxed"], "release": ["relaxed"],
          "seq_cst": ["acq_rel"]}
KIND = cindex.CursorKind
CONSTANT = {KIND.STATIC_ASSERT, KIND.ENUM_DECL, KIND.CONCEPT_DECL, KIND.REQUIRES_EXPR,
            KIND.TEMPLATE_NON_TYPE_PARAMETER, KIND.CXX_UNARY_EXPR, KIND.ALIGNED_ATTR,
            KIND.TYPE_ALIAS_DECL, KIND.TYPE_ALIAS_TEMPLATE_DECL, KIND.CONCEPT_SPECIALIZATION_EXPR}


class _File:
    """Walks one header's cursors and collects faults."""

    def __init__(self, root, name):
        self.name, self.text = name, (root / name).read_text()
        self.bytes_text = self.text.encode()
        self.code = code_of(self.text)
        self.faults, self.seen = [], set()

    def offset(self, location):
        """libclang counts bytes."""
        return len(self.bytes_text[:location.offset].decode())

    def span(self, cursor):
        return self.offset(cursor.extent.start), self.offset(cursor.extent.end)

    def add(self, operator, span, new, function, statement=False):
        start, end = span
        old = self.text[start:end]
        if (span, new) in self.seen or not old.strip():
            return
        self.seen.add((span, new))
        line = self.text.splitlines()[line_at(self.text, start) - 1].strip()
        what = " ".join(f"{old} -> {new or 'nothing'}".split())
        name = f"{self.name}:{function}: {operator}: {what} in `{line}`"
        same = sum(fault.name.split(" #")[0] == name for fault in self.faults)
        self.faults.append(Fault(
            name=f"{name} #{same + 1}" if same else name, file=self.name, start=start, end=end,
            new=new, kind=operator, statement=statement))

    def walk(self, cursor, function=""):
        for child in cursor.get_children():
            location = child.location.file
            if location is None or not location.name.endswith("/" + self.name):
                continue
            if child.kind in CONSTANT or self.is_constant(child):
                continue
            if cursor.kind == KIND.IF_STMT and child.kind.is_expression() and not re.match(
                    r"if\s*\(", self.code[self.span(cursor)[0]:]):
                continue  # the condition of an if constexpr
            inside = function
            if child.kind in (KIND.CXX_METHOD, KIND.FUNCTION_DECL, KIND.FUNCTION_TEMPLATE,
                              KIND.CONSTRUCTOR, KIND.DESTRUCTOR, KIND.CONVERSION_FUNCTION):
                inside = child.spelling
            if inside:
                self.look(child, inside)
            self.walk(child, inside)

    def is_constant(self, cursor):
        if cursor.kind not in (KIND.VAR_DECL, KIND.FIELD_DECL):
            return False
        start, end = self.span(cursor)
        head = self.code[start:end].split("=")[0]
        return "constexpr" in head or "constinit" in head or "[" in head

    def look(self, cursor, function):
        start, end = self.span(cursor)
        kind = cursor.kind
        if kind in (KIND.BINARY_OPERATOR, KIND.COMPOUND_ASSIGNMENT_OPERATOR):
            self.look_operator(cursor, function)
        elif kind == KIND.UNARY_OPERATOR and self.code[start:start + 2] in ("++", "--"):
            other = {"+": "--", "-": "++"}[self.code[start]]
            self.add("sum", (start, end), other + self.text[start + 2:end], function)
        elif kind == KIND.UNARY_OPERATOR and self.code[end - 2:end] in ("++", "--") \
                and self.span(next(cursor.get_children()))[0] == start:  # and not *x++
            other = {"+": "--", "-": "++"}[self.code[end - 1]]
            self.add("sum", (start, end), self.text[start:end - 2] + other, function)
        elif kind == KIND.UNARY_OPERATOR and self.code[start] in "!~-":
            operand = self.text[start + 1:end]
            if self.code[start] == "!":  # as a bool, whatever it is, so that both choices have one type
                self.add("logic", (start, end), f"!!{operand}", function)
            else:
                self.add("sum", (start, end), operand, function)
        elif kind == KIND.CONDITIONAL_OPERATOR:
            parts = [self.text[slice(*self.span(part))] for part in cursor.get_children()]
            if len(parts) == 3:
                self.add("choose", (start, end), f"{parts[0]} ? {parts[2]} : {parts[1]}", function)
        elif kind == KIND.INTEGER_LITERAL:
            self.add("constant", (start, end), f"{self.text[start:end]} + 1", function)
        elif kind == KIND.CXX_BOOL_LITERAL_EXPR:
            other = {"true": "false", "false": "true"}.get(self.text[start:end])
            if other:
                self.add("constant", (start, end), other, function)
        elif order := re.fullmatch(r"(std::memory_order_)(\w+)", self.text[start:end]):
            for weaker in WEAKER.get(order[2], ()):
                self.add("order", (start, end), order[1] + weaker, function)
        elif kind in (KIND.IF_STMT, KIND.WHILE_STMT):
            self.look_condition(start, cursor, function)
        if kind.is_expression():
            self.look_statement(cursor, function)

    def look_operator(self, cursor, function):
        operands = list(cursor.get_children())
        if len(operands) != 2:
            return
        (start, left), (right, end) = self.span(operands[0]), self.span(operands[1])
        operator = self.code[left:right].strip()
        for other in SWAPS.get(operator, ()):
            if operator in "+-" and self.code[right:end].strip() == "0":
                continue
            new = f"{self.text[start:left]} {other} {self.text[right:end]}"
            self.add(NAMES.get(operator, "sum"), (start, end), new, function)

    def look_condition(self, start, cursor, function):
        head = re.match(r"(if|while)\s*\(", self.code[start:])
        if not head:
            return  # if constexpr, if consteval
        for part in cursor.get_children():
            if part.kind.is_expression():
                span = self.span(part)
                old = self.text[slice(*span)]
                if not re.search(r"[<>=!]=|&&|\|\||[^-]>|<|^!", old):  # those have their own
                    self.add("negate", span, f"!({old})", function)
                return

    def look_statement(self, cursor, function):
        """A call or an assignment that is a statement by itself can be left out."""
        start, end = self.span(cursor)
        after = re.match(r"\s*;", self.code[end:])
        before = re.search(r"([{};)]|\belse|\bdo)\s*$", self.code[:start])
        if not after or not before or self.in_head_of_for(start):
            return
        self.add("drop", (start, end + after.end()), "", function, statement=True)

    def in_head_of_for(self, start):
        loop = self.code.rfind("for (", 0, start)
        if loop < 0:
            return False
        between = self.code[loop + 5:start]
        return between.count("(") >= between.count(")")


def all_faults(root):
    """Every mechanical fault of the core, by file and place."""
    index, faults = cindex.Index.create(), []
    for header in sorted((root / "include/mneme").rglob("*.hpp")):
        name = header.relative_to(root).as_posix()
        found = _File(root, name)
        # ASan's flags, so that what only a tool sees is there to be broken too.
        unit = index.parse(str(header), args=[
            "-xc++", "-std=c++23", f"-I{root / 'include'}", "-fsanitize=address"])
        worst = [str(line) for line in unit.diagnostics if line.severity >= cindex.Diagnostic.Error]
        if worst:
            raise ValueError(f"{name} does not parse: {worst[0]}")
        found.walk(unit.cursor)
        faults += sorted(found.faults, key=lambda fault: (fault.start, fault.end))
    return faults
