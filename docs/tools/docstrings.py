"""Docstrings as Markdown: examples become code blocks, and outside of code no character has a meaning of its own."""

from __future__ import annotations

import inspect
import re
import sys
from typing import Any

import griffe


class Docstrings(griffe.Extension):
    """For mkdocstrings: every docstring of the package passes through `as_markdown`.

    Classes that take theirs from a function (layers, criteria) have it when they run and not in the source.
    """

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        if not obj.docstring and (text := derived(obj)):
            obj.docstring = griffe.Docstring(text, parent=obj)
        if obj.docstring:
            obj.docstring.value = as_markdown(obj.docstring.value)


def derived(obj: griffe.Object) -> str:
    """The docstring of a class of the package that is made while it is imported."""
    made = getattr(sys.modules.get(obj.path.rpartition(".")[0]), obj.name, None)
    text = vars(made).get("__doc__") if isinstance(made, type) else ""
    return inspect.cleandoc(text) if isinstance(text, str) else ""  # Python's own `type` has a descriptor there


def as_markdown(text: str) -> str:
    r"""
    >>> as_markdown("Takes *x.\n\n>>> f(1)\n1").splitlines()
    ['Takes \\*x.', '', '```pycon', '>>> f(1)', '1', '```']
    """
    blocks = re.split(r"\n\s*\n", text.strip("\n"))
    parts: list[str] = []
    for block in blocks:
        if block.lstrip().startswith(">>>"):
            parts.append(f"```pycon\n{dedented(block)}\n```")
        elif block.startswith("    "):
            parts.append(f"```text\n{dedented(block)}\n```")
        else:
            before, mark, example = block.partition("\n>>>")
            parts.append(escaped(before) + (f"\n\n```pycon\n{mark.strip()}{example}\n```" if mark else ""))
    return "\n\n".join(parts)


def dedented(block: str) -> str:
    lines = block.splitlines()
    margin = len(lines[0]) - len(lines[0].lstrip())
    return "\n".join(line[margin:] for line in lines)


def escaped(text: str) -> str:
    """Prose without Markdown but for code in backticks and lists."""
    pieces = re.split(r"(``.+?``|`[^`]+`)", text, flags=re.DOTALL)
    return "".join(p if k % 2 else re.sub(r"([*<\[\]$|_])", r"\\\1", p) for k, p in enumerate(pieces))
