"""What the local page shows of a function at a point: the passes to step through, what is proven, compared, simplified.

This runs in a process of its own for each question (`work.py`).
"""

from __future__ import annotations

import html
import re
import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from ...cards.as_html import framed
from ...differentiate import symbolic
from ...differentiate.certified import certify
from ...differentiate.problem import Problem, as_problem
from ...differentiate.warm import warm_up as symbolic_is_warm
from ...draw.page import page_of
from ...errors import DifflabError, InputError
from ...graph.parse import parse, parse_point
from ...types import Params, Value
from ..compare import compare
from ..step_size import step_size_study
from .code import Program
from .question import CODE, EXAMPLES, LONGEST, PARTS, Code, checked

__all__ = ["EXAMPLES", "LONGEST", "answer", "answered", "warm_up"]
LARGEST = 16 * 2**20  # characters of an answer
SYMBOLIC_SECONDS, SIMPLIFYING_SECONDS, PROOF_SECONDS = 3.0, 8.0, 8.0  # within the limit of the whole


class NamesDiffer(InputError):
    """The point names other inputs than the expression; `mended` is one that names them."""

    def __init__(self, told: str, mended: str) -> None:
        super().__init__(told)
        self.mended = mended


def answered(part: str, text: str, point: str, code: Code | None = None) -> tuple[str, ...]:
    """What `answer` gives, as plain data: "html" and the text; "input", "memory" or "error" and what is wrong.

    "names" comes with what is wrong and with a point that has the names of the expression.
    """
    try:
        found = answer(part, text, point, code)
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
    yield from symbolic_is_warm()
    for part in PARTS:
        answer(part, *EXAMPLES[0][1:])
        yield
    answer("page", CODE, "x=1, y=2", Code())
    yield


class Subject(NamedTuple):
    """What is asked about: a text or a function, and it at the point; `given` and `at` go to difflab's functions."""

    given: str | Callable[..., Any]
    at: Any
    problem: Problem
    title: str | None = None


def answer(part: str, text: str, point: str, code: Code | None = None) -> str:
    """HTML for one of the `PARTS`, of an expression, or of a program's function where `code` says which.

    Raises a DifflabError that names what is wrong; in a program with the line.

    >>> "agrees" in answer("comparison", "x**2", "x=3")
    True
    >>> "certified" in answer("certificate", "def f(x): return np.sin(x) * x", "x=3", Code())
    True
    """
    if part not in SHOWN:
        raise InputError(f"there is no part {part[:40]!r}; there are {', '.join(PARTS)}")
    checked("the point", point)
    if code is None:
        return SHOWN[part](expression(text, point))
    program = Program(text, code)
    with program.errors():
        return SHOWN[part](function(program, code, point))


def expression(text: str, point: str) -> Subject:
    checked("the expression", text)
    if not text.strip():
        raise InputError('the expression is empty; write one such as "(x + y) * z"')
    names = [str(n.name) for n in parse(text).inputs]
    at = given_by(point, names, dict.fromkeys(names, 1.0), "the expression has")
    return Subject(text, at, as_problem(text, at))


def function(program: Program, code: Code, point: str) -> Subject:
    called = program.function(code.function)
    at = given_by(point, called.names, called.defaults, f"the arguments of {called.name} are")
    given, values = called.at({name: at[name] for name in called.names if name in at})
    title = f"Forward and backward pass of {called.name}({', '.join(called.names)})"
    return Subject(given, values, as_problem(given, values), title)


def given_by(point: str, names: Sequence[str], needed: Params, who: str) -> Params:
    """The point, which is to have the names that are needed, and none that are not there."""
    at = parse_point(point) if point.strip() else {}
    missing, extra = [n for n in needed if n not in at], [n for n in at if n not in names]
    if missing:
        told = f"the point gives no value for {', '.join(missing)}; write {mended(missing[:1], needed)}"
    elif extra:
        told = f"the point names {extra[0]}; {who} {', '.join(names) or 'no inputs'}"
    else:
        return at
    raise NamesDiffer(told, mended([n for n in names if n in needed or n in at], needed | at))


def mended(names: Sequence[str], at: dict[str, Value]) -> str:
    """A point of these names: values that were given, and 1 for the others.

    >>> mended(["y", "w"], {"y": 5.0, "z": 2.0}), mended(["x"], {"x": np.array([1.0, 2.5])})
    ('y=5, w=1', 'x=[1,2.5]')
    """
    text = {n: str(np.asarray(at[n]).tolist()).replace(" ", "") if n in at else "1" for n in names}
    return ", ".join(f"{n}={re.sub(r'[.]0(?![0-9])', '', value)}" for n, value in text.items())


def page(s: Subject) -> str:
    graph = parse(s.problem.text) if s.problem.text is not None else s.problem.graph
    at = dict(zip(s.problem.names, s.problem.values))
    return page_of(graph.forward(**at).backward(), s.title)


def comparison(s: Subject) -> str:
    return compare(s.given, at=s.at, seconds=SYMBOLIC_SECONDS)._repr_html_()


def certificate(s: Subject) -> str:
    return certify(s.problem, s.at, seconds=PROOF_SECONDS)._repr_html_() or ""


def simplified(s: Subject) -> str:
    """sympy's gradient as `simplify` leaves it."""
    found = symbolic.derivative(s.problem, "simplified", SIMPLIFYING_SECONDS)
    counts = found.details["operations"]
    lines = "".join(
        f"<li><code>∂f/∂{html.escape(name)} = {html.escape(text)}</code></li>"
        for name, text in found.details["formulas"].items()
    )
    told = f"{found.label}: {counts['raw']} operations as they are derived, {counts['simplified']} simplified."
    return framed(f"<p>{html.escape(told)}</p><ul>{lines}</ul>")


def curve(s: Subject) -> str:
    """The V-curve by the first scalar input, as a card."""
    scalars = [name for name, value in zip(s.problem.names, s.problem.values) if np.ndim(value) == 0]
    if not scalars:
        return "<p>The V-curve moves one scalar input, and here there is none.</p>"
    try:
        return step_size_study(s.given, s.at, wrt=scalars[0])._repr_html_() or ""
    except DifflabError as error:
        return f"<p>{html.escape(str(error))}</p>"


SHOWN: dict[str, Callable[[Subject], str]] = {
    "page": page,
    "comparison": comparison,
    "curve": curve,
    "certificate": certificate,
    "simplified": simplified,
}
