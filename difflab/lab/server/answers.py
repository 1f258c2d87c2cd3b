"""What the local page shows of an expression at a point: the passes to step through, the comparison, the V-curve.

This runs in a process of its own for each question (`work.py`).
"""

from __future__ import annotations

import html
import re
import traceback
from collections.abc import Iterator, Sequence

import numpy as np

from ...differentiate.problem import Problem, as_problem
from ...draw.page import page_of
from ...errors import DifflabError, InputError
from ...graph.parse import parse, parse_point
from ...types import Value
from .question import EXAMPLES, LONGEST, PARTS, checked

__all__ = ["EXAMPLES", "LONGEST", "answer", "answered", "warm_up"]
LARGEST = 16 * 2**20  # characters of an answer
SYMBOLIC_SECONDS = 3.0


class NamesDiffer(InputError):
    """The point names other inputs than the expression; `mended` is one that names them."""

    def __init__(self, told: str, mended: str) -> None:
        super().__init__(told)
        self.mended = mended


def answered(part: str, text: str, point: str) -> tuple[str, ...]:
    """What `answer` gives, as plain data: "html" and the text; "input", "memory" or "error" and what is wrong.

    "names" comes with what is wrong and with a point that has the names of the expression.
    """
    try:
        found = answer(part, text, point)
    except NamesDiffer as error:
        return "names", str(error), error.mended
    except DifflabError as error:
        return "memory" if isinstance(error.__context__, MemoryError) else "input", str(error)
    except MemoryError:
        raise
    except Exception as error:
        traceback.print_exc()
        return "error", f"{type(error).__name__}: {error}; its traceback is on the terminal"
    if len(found) > LARGEST:
        return "input", f"the {part} would have {len(found) >> 20:,} MB, at most 16 are shown; take a smaller array"
    return "html", found


def warm_up() -> Iterator[None]:
    """Everything is loaded and has run once, part by part: each fork has it."""
    from ...differentiate.warm import warm_up as symbolic

    yield from symbolic()
    for part in PARTS:
        answer(part, *EXAMPLES[0][1:])
        yield


def answer(part: str, text: str, point: str) -> str:
    """HTML for one part: "page", "comparison" or "curve". Raises a DifflabError that names what is wrong.

    >>> "agrees" in answer("comparison", "x**2", "x=3")
    True
    """
    problem, at = read(text, point)
    if part == "page":
        graph = problem.graph if problem.text is None else parse(text)
        return page_of(graph.forward(**at).backward())
    if part == "comparison":
        from ..compare import compare

        return compare(text, at=at, seconds=SYMBOLIC_SECONDS)._repr_html_()
    if part == "curve":
        return curve(text, at)
    raise InputError(f"there is no part {part[:40]!r}; there are page, comparison and curve")


def read(text: str, point: str) -> tuple[Problem, dict[str, Value]]:
    checked("the expression", text)
    checked("the point", point)
    if not text.strip():
        raise InputError('the expression is empty; write one such as "(x + y) * z"')
    names = [n.name for n in parse(text).inputs]
    at = parse_point(point) if point.strip() else {}
    missing, extra = [n for n in names if n not in at], [n for n in at if n not in names]
    if missing:
        told = f"the point gives no value for {', '.join(map(str, missing))}; write {missing[0]}=1"
        raise NamesDiffer(told, mended(names, at))
    if extra:
        told = f"the point names {extra[0]}; the expression has {', '.join(map(str, names)) or 'no inputs'}"
        raise NamesDiffer(told, mended(names, at))
    return as_problem(text, at), at


def mended(names: Sequence[str | None], at: dict[str, Value]) -> str:
    """A point of these names: values that were given, and 1 for the others.

    >>> mended(["y", "w"], {"y": 5.0, "z": 2.0}), mended(["x"], {"x": np.array([1.0, 2.5])})
    ('y=5, w=1', 'x=[1,2.5]')
    """
    text = {n: str(np.asarray(at[n]).tolist()).replace(" ", "") if n in at else "1" for n in names}
    return ", ".join(f"{n}={re.sub(r'[.]0(?![0-9])', '', value)}" for n, value in text.items())


def curve(text: str, at: dict[str, Value]) -> str:
    """The V-curve by the first scalar input, as a card."""
    from ..step_size import step_size_study

    scalars = [name for name, value in at.items() if not isinstance(value, list) and getattr(value, "ndim", 0) == 0]
    if not scalars:
        return "<p>The V-curve moves one scalar input, and here there is none.</p>"
    try:
        return step_size_study(text, at, wrt=scalars[0])._repr_html_() or ""
    except DifflabError as error:
        return f"<p>{html.escape(str(error))}</p>"
