"""The line of the user's code at which each operation was recorded."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from ..differentiate.problem import Problem
from ..graph.node import Node
from ..graph.recording import Tape
from ..graph.traced import Traced
from ..primitives import rows
from ..types import Value
from .report import relative_path

OURS = (str(Path(__file__).parents[1]), str(Path(np.__file__).parent))


class Lines(list[Traced]):
    """A tape's list that notes where each operation is made."""

    def __init__(self) -> None:
        super().__init__()
        self.where: list[str] = []

    def append(self, node: Traced) -> None:
        super().append(node)
        self.where.append(line_of_caller())


def line_of_caller(ours: tuple[str, ...] = OURS) -> str:
    """The innermost line outside difflab and NumPy, or whichever folders are `ours`."""
    frame: Value = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(ours):
        frame = frame.f_back
    if frame is None or frame.f_code.co_filename.startswith("<"):
        return ""
    return f"{relative_path(frame.f_code.co_filename)}:{frame.f_lineno}"


def lines_of(problem: Problem) -> dict[Node, str]:
    """`file:line` of the nodes of a recorded function; nothing for text."""
    if problem.text is not None:
        return {}
    lines = Lines()
    try:
        with Tape(lines) as (tape, _), np.errstate(all="ignore"):
            problem.function([tape.input(x) for x in problem.values])
    except Exception:  # it was recorded once; what it does a second time is no reason to fail
        return {}
    vertices = [n for n in problem.graph.order if n.primitive is not rows.constant]
    if [n.primitive.name for n in vertices] != [n.primitive.name for n in lines]:
        return {}
    return dict(zip(vertices, lines.where))
