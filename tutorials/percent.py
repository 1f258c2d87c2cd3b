"""The percent format: a Python file whose cells begin with `# %%`."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

MARKER = re.compile(r"# %%(?P<markdown> \[markdown\])?(?: tags=(?P<tags>\[.*\]))?\s*$")


class LessonError(Exception):
    """A lesson that cannot be read, or that failed; the message names the lesson and the place."""


@dataclass
class Cell:
    """One cell: its text, the line of the file on which the text starts, and its tags."""

    kind: str  # "markdown" or "code"
    source: str
    line: int
    tags: tuple[str, ...] = ()


def read(path: Path) -> list[Cell]:
    """The cells of a lesson."""
    return parse(path.read_text(encoding="utf-8"), path.name)


def parse(text: str, name: str = "the lesson") -> list[Cell]:
    """The cells of a text in the percent format.

    >>> [(c.kind, c.source, c.line) for c in parse("# %% [markdown]\\n# Two:\\n\\n# %%\\n1 + 1\\n")]
    [('markdown', 'Two:', 2), ('code', '1 + 1', 5)]
    """
    cells: list[Cell] = []
    lines: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("# %%"):
            found = MARKER.match(line)
            if not found:
                raise LessonError(f"{name}, line {number}: {line!r} is not a cell's header")
            finish(cells, lines, name)
            tags = tuple(json.loads(found["tags"])) if found["tags"] else ()
            cells.append(Cell("markdown" if found["markdown"] else "code", "", number + 1, tags))
        elif cells:
            lines.append(line)
        elif line.strip():
            raise LessonError(f"{name}, line {number}: text before the first cell")
    finish(cells, lines, name)
    return [c for c in cells if c.source]


def finish(cells: list[Cell], lines: list[str], name: str) -> None:
    """Gives the last cell the lines that were collected for it, without the blank ones around them."""
    if not cells:
        return
    cell = cells[-1]
    while lines and not lines[0].strip():
        lines.pop(0)
        cell.line += 1
    if cell.kind == "markdown":
        for k, line in enumerate(lines):
            if line.strip() and not re.match(r"#( |$)", line):
                raise LessonError(f"{name}, line {cell.line + k}: a line of a markdown cell starts with '# '")
        lines[:] = [line[2:] for line in lines]
    cell.source = "\n".join(lines).rstrip()
    lines.clear()
