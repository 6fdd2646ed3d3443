"""C++ source as house-rules sees it: code without comments and strings, statements, functions."""

import re

_TOKENS = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<d>\w*)\(.*?\)(?P=d)"|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'", re.DOTALL)


def code_of(text):
    """The text with comments, strings and preprocessor lines blanked; every offset stays."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match[0])

    text = _TOKENS.sub(blank, text)
    return re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", blank, text, flags=re.MULTILINE)


def line_at(text, offset):
    return text.count("\n", 0, offset) + 1


def arguments_at(code, opening):
    """What stands between the parenthesis at `opening` and its partner."""
    depth = 0
    for at in range(opening, len(code)):
        depth += {"(": 1, ")": -1}.get(code[at], 0)
        if depth == 0:
            return code[opening + 1:at]
    return code[opening + 1:]


def _opens_function(head):
    """Whether a brace after `head` opens a function's body. A guess, good for formatted code."""
    plain = head.replace("->", " ")
    while (shorter := re.sub(r"<[^<>]*>", "", plain)) != plain:
        plain = shorter
    return ")" in plain and not re.search(r"\b(namespace|class|struct|union|enum|concept)\b", plain)


def _is_member_initializer(head):
    """Whether a brace after `head` belongs to a member, as in `Heap() : size_{0} {`."""
    return re.search(r"\)[^():]*(?<!:):(?!:)", head) and re.search(r"[\w>]\s*$", head) \
        and not re.search(r"\b(const|noexcept|override|final|mutable|try)\s*$", head)


def functions_of(code):
    """(first line, last line) of each function; a lambda counts to the function around it."""
    start, body_depth, depth, first = 0, None, 0, 0
    for brace in re.finditer(r"[{};]", code):
        head = code[start:brace.start()]
        if body_depth is None and brace[0] == ";":
            start = brace.end()
        elif brace[0] == "{":
            depth += 1
            if body_depth is not None:
                continue
            if _is_member_initializer(head):
                body_depth, first = depth, 0
            elif _opens_function(head):
                body_depth, first = depth, line_at(code, brace.start() - len(head.lstrip()))
            else:
                start = brace.end()
        elif brace[0] == "}":
            if body_depth == depth:
                if first:
                    yield first, line_at(code, brace.start())
                body_depth = None
                start = brace.end() if first else start
            elif body_depth is None:
                start = brace.end()
            depth -= 1
