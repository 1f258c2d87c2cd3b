"""Checks on text before Python's parser sees it, its syntax tree, and errors that point at the place."""

from __future__ import annotations

import ast
import difflib
import keyword
import re
import unicodedata
import warnings
from collections.abc import Iterable

from ..errors import ParseError

MAX_LENGTH, MAX_DEPTH, MAX_DIGITS = 200_000, 150, 310
AROUND = 60
TOO_DEEP = "the expression is nested too deeply to be read"
BESIDE = "two values stand side by side; write a product as a*b, and what a function gives as f(a)"
COMMENT = re.compile(r"#[^\n]*")  # there are no strings, so # always begins a comment


def place(text: str, start: int, message: str, length: int = 1) -> ParseError:
    """An error that shows the line around `start` with carets below it."""
    start = max(0, min(start, len(text)))
    left = text.rfind("\n", 0, start) + 1
    right = text.find("\n", start)
    line = text[left : right if right >= 0 else len(text)]
    column = start - left
    cut = max(0, column - AROUND)
    shown = printable(line[cut : column + AROUND])
    before, after = "…" * (cut > 0), "…" * (column + AROUND < len(line))
    carets = "^" * max(1, min(length, len(shown) - (column - cut)))
    return ParseError(f"{message}\n  {before}{shown}{after}\n  {' ' * (len(before) + column - cut)}{carets}")


def printable(text: str) -> str:
    """The text with one printable character for each of its own."""
    return "".join(c if c.isprintable() else " " if c in "\t\n\r" else "�" for c in text)


def check(text: object) -> str:
    """Refuses what no expression holds; returns the text."""
    if not isinstance(text, str):
        raise ParseError(f"the expression is {type(text).__name__}, not text")
    if not text.strip():
        raise ParseError("the expression is empty; write one such as (x + y) * z")
    if len(text) > MAX_LENGTH:
        raise ParseError(f"the expression has {len(text)} characters; the limit is {MAX_LENGTH}")
    text = COMMENT.sub(lambda found: " " * len(found.group()), text)
    for k, c in enumerate(text):
        if ord(c) > 126 or (ord(c) < 32 and c not in "\t\n\r"):
            raise place(text, k, strange(c))
        if c in "\"'`":
            raise place(text, k, "strings are not part of the language")
    _check_brackets(text)
    return text


def strange(c: str) -> str:
    """Why a character is refused: look-alikes and typographic signs are named, with what to type."""
    name = unicodedata.name(c, "a control character")
    signs = {"−": "-", "×": "*", "·": "*", "÷": "/", "²": "**2", "³": "**3", "π": "pi", "√": "sqrt()", "–": "-"}
    if c in signs:
        return f"the character {c} (U+{ord(c):04X} {name}) is not part of the language: type {signs[c]}"
    shown = f" {c}" if c.isprintable() else ""
    return f"the character{shown} (U+{ord(c):04X} {name}) is not an ASCII letter or sign; type the ASCII one"


def _check_brackets(text: str) -> None:
    depth, run = [], 0
    closing = {")": "(", "]": "["}
    for k, c in enumerate(text):
        if c in "([":
            depth.append((c, k))
            if len(depth) > MAX_DEPTH:
                raise place(text, k, f"more than {MAX_DEPTH} brackets stand in each other")
        elif c in closing:
            if not depth or depth[-1][0] != closing[c]:
                raise place(text, k, f"this {c} closes nothing")
            depth.pop()
        elif c in "{}":
            raise place(text, k, f"{c} is not part of the language; vectors are written [1, 2]")
        run = run + 1 if c in "+-~" else run if c.isspace() else 0
        if run > MAX_DEPTH:
            raise place(text, k, f"more than {MAX_DEPTH} signs in a row")
    if depth:
        raise place(text, depth[-1][1], f"this {depth[-1][0]} is not closed")


def suggestion(name: str, known: Iterable[str]) -> str:
    """ "; did you mean ...?" for a name close to a known one, else nothing."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]}?" if close else ""


class Source:
    """A text, and the syntax tree being read of a part of it: `offset` and `lines` say where that part stands."""

    offset: int
    lines: list[int]

    def __init__(self, text: str) -> None:
        self.text = text
        self.offset, self.lines = 0, [0]

    def error(self, node: ast.AST, message: str) -> ParseError:
        start = self.position(getattr(node, "lineno", 1), getattr(node, "col_offset", 0))
        end = self.position(getattr(node, "end_lineno", None) or 1, getattr(node, "end_col_offset", None) or 0)
        return place(self.text, start, message, max(1, end - start))

    def position(self, line: int, column: int) -> int:
        return self.offset + self.lines[min(line - 1, len(self.lines) - 1)] + column

    def tree(self, text: str, offset: int) -> ast.Module:
        """Python's syntax tree of a part of the text that starts at `offset`."""
        self.offset = offset
        self.lines = [0]
        for line in text.splitlines(keepends=True):
            self.lines.append(self.lines[-1] + len(line))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return ast.parse(text)
        except SyntaxError as error:
            at = self.position(error.lineno or 1, max((error.offset or 1) - 1, 0))
            words = BESIDE if beside(self.text, at, error.msg) else friendly(error.msg)
            raise place(self.text, at, f"this is not an expression: {words}") from None
        except (RecursionError, MemoryError, ValueError):
            raise place(self.text, offset, TOO_DEEP, len(text)) from None


def kind(tree: ast.AST) -> str:
    """The name of a piece of Python syntax in words."""
    words = re.sub(r"(?<!^)(?=[A-Z])", " ", type(tree).__name__).lower()
    return {"lambda": "a lambda", "import": "import", "joined str": "a string", "named expr": ":="}.get(words, words)


def beside(text: str, at: int, message: str | None) -> bool:
    """Whether two values stand side by side where Python found no syntax, as in "sin x".

    >>> beside("sin x", 4, "invalid syntax"), beside("x and", 2, "invalid syntax")
    (True, False)
    """
    if not message or not message.startswith("invalid syntax"):
        return False
    before, after = re.search(r"(\w+|[)\]])[ \t]+\Z", text[max(at - 200, 0) : at]), re.match(r"\w+", text[at:])
    apart = before is not None and after is not None and not {before[1], after[0]} & set(keyword.kwlist)
    return apart or "forgot a comma" in message  # of what stands in brackets, said where the first value begins


def friendly(message: str | None) -> str:
    """Python's words for a syntax error, without its advice for programmers."""
    if message and message.startswith("Exceeds the limit"):
        return "an integer is larger than any float"
    if message and message.startswith("invalid decimal literal"):
        return "a number and a name stand side by side; write a product as 2*x"
    if message and message.startswith("cannot assign to function call"):
        return "left of = stands a name alone, as in f = x**2"
    plain = re.split(r"\(|\. (?:Maybe|Perhaps|Did)|; (?:Maybe|did)", message or "it ends too early")[0]
    return plain.strip().removesuffix(".").replace("invalid syntax", "something is missing or misplaced here")
