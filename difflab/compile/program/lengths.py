"""Loops of Python whose length the values decide: each length is traced anew, where `dl.while_loop` is traced once."""

from __future__ import annotations

import ast
import linecache
import sys
import warnings
from collections.abc import Iterable
from types import FrameType
from typing import NamedTuple, TypeAlias

from ...errors import RetracedWarning
from ...graph.traced import Traced
from ...types import Value
from .content import LIBRARIES

TOLD_AT = 3  # lengths of one loop, for arguments of one kind


class Place(NamedTuple):
    """A line of the user's, and the function that it stands in."""

    file: str
    line: int
    function: str


Loops: TypeAlias = dict[Place, tuple[int, int]]  # of each place: how often a loop ended there, and all of its turns


class Guards(list[tuple[Traced, Value]]):
    """The guards of a trace, which also keeps the lines at which Python asked whether a value is true."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: dict[Place, list[bool]] = {}

    def append(self, guard: tuple[Traced, Value]) -> None:
        super().append(guard)
        if guard[1].__class__ is bool:
            place = place_of(sys._getframe(1))
            self.asked.setdefault(place, []).append(guard[1])

    def loops(self) -> Loops:
        """What each line would be if it stood at the end of a loop: the last answer is the one that ends it."""
        ends = {place: answers.count(answers[-1]) for place, answers in self.asked.items()}
        return {place: (n, len(self.asked[place]) - n) for place, n in ends.items()}


def place_of(frame: FrameType | None) -> Place:
    """Where the first frame stands that runs none of our or NumPy's code."""
    while frame is not None and str(frame.f_globals.get("__name__", "")).partition(".")[0] in LIBRARIES:
        frame = frame.f_back
    if frame is None:
        return Place("?", 0, "?")
    return Place(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_qualname)


def ends_a_loop(place: Place) -> bool:
    """Whether a line is the condition of a `while`, or of an `if` in a loop that leaves it."""
    try:
        tree = ast.parse("".join(linecache.getlines(place.file)))
    except (SyntaxError, ValueError):
        return False
    loops = [node for node in ast.walk(tree) if isinstance(node, ast.While | ast.For)]
    branches = (node for loop in loops for node in ast.walk(loop) if isinstance(node, ast.If) and leaves(node))
    tests = [*(loop.test for loop in loops if isinstance(loop, ast.While)), *(branch.test for branch in branches)]
    return any(test.lineno <= place.line <= (test.end_lineno or test.lineno) for test in tests)


def leaves(branch: ast.If) -> bool:
    return any(isinstance(node, ast.Break | ast.Return) for node in ast.walk(branch))


def warn(traces: Iterable[Loops]) -> bool:
    """Warns where the traces of one kind of arguments differ in the turns that a loop took; returns whether it did.

    A loop is known by its answers, as many ends in each trace and each time another number of turns before them, and
    by its text.
    """
    found: dict[tuple[Place, int], dict[int, None]] = {}
    for loops in traces:
        for place, (ends, turns) in loops.items():
            found.setdefault((place, ends), {})[turns] = None
    for (place, _), lengths in found.items():
        if len(lengths) >= TOLD_AT and ends_a_loop(place):
            *others, last = map(str, list(lengths)[:TOLD_AT])
            warnings.warn_explicit(
                f"compile: the loop at {place.file}:{place.line} in {place.function} took {', '.join(others)} and "
                f"{last} turns, and for each number of turns the function is traced anew; write the loop as "
                "dl.while_loop, which is one program for all of them",
                RetracedWarning,
                place.file,
                place.line,
            )
            return True
    return False
