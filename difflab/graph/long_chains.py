"""Sums and products of thousands of terms: cut out of the text, because Python's parser recurses over them.

`shorten` replaces each long chain by a placeholder of the same length, so that columns stay where they are;
`terms` splits a chain into its terms and operators, lowest precedence first.
"""

from __future__ import annotations

import re

LONG = 150
PLACEHOLDER = "_chain_"
TOKEN = re.compile(
    r"(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<name>[A-Za-z_]\w*)|(?P<operator>\*\*|//|[-+*/%@])"
    r"|(?P<open>[(\[])|(?P<close>[)\]])|(?P<space>\s+)|(?P<other><=|>=|==|!=|.)",
    re.DOTALL,
)
SEPARATORS = frozenset(", ; : = < > <= >= == != and or not if else in is lambda".split())
SUMS, PRODUCTS = {"+", "-"}, {"*", "/", "@", "%", "//"}


def shorten(text: str) -> tuple[str, dict[str, tuple[int, int]]]:
    """The text with placeholders, and for each placeholder where its chain starts and ends in the text."""
    chains: dict[str, tuple[int, int]] = {}
    stack, start, count = [], 0, 0
    out = text

    def close(end: int) -> None:
        nonlocal out
        if count <= LONG or end - start < 20:
            return
        name = f"{PLACEHOLDER}{len(chains)}"
        chains[name] = (start, end)
        lead = len(text[start:end]) - len(text[start:end].lstrip())
        out = out[:start] + (" " * lead + name).ljust(end - start) + out[end:]

    for match in TOKEN.finditer(text):
        what, token = match.lastgroup, match.group()
        if what == "open":
            stack.append((start, count))
            start, count = match.end(), 0
        elif what == "close":
            close(match.start())
            start, count = stack.pop() if stack else (match.end(), 0)
        elif what == "operator":
            count += 1
        elif token in SEPARATORS or ("\n" in token and not stack):
            close(match.start())
            start, count = match.end(), 0
    close(len(text))
    return out, chains


def terms(text: str) -> tuple[list[tuple[int, int]], list[str]]:
    """The spans of the terms of a chain and the operators between them; one term if there is nothing to split."""
    for operators in (SUMS, PRODUCTS):
        spans, between = split(text, operators)
        if between:
            return spans, between
    return [(0, len(text))], []


def split(text: str, operators: set[str]) -> tuple[list[tuple[int, int]], list[str]]:
    spans, between, start, depth, operand = [], [], 0, 0, False
    for match in TOKEN.finditer(text):
        what, token = match.lastgroup, match.group()
        if what == "open":
            depth += 1
        elif what == "close":
            depth -= 1
            operand = True
        elif what in ("number", "name"):
            operand = True
        elif what == "operator":
            if depth == 0 and operand and token in operators:
                spans.append((start, match.start()))
                between.append(token)
                start = match.end()
            operand = False
    spans.append((start, len(text)))
    return spans, between
