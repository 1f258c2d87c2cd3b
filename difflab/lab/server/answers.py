"""What the local page shows of an expression at a point: the passes to step through, the comparison, the V-curve."""

from __future__ import annotations

import html
from typing import Any

from ...differentiate.problem import Problem, as_problem
from ...draw.page import page_of
from ...errors import DifflabError, InputError
from ...graph.parse import parse, parse_point

LONGEST = 2000  # characters of an expression or a point
SYMBOLIC_SECONDS = 3.0

EXAMPLES = (
    ("Two operations", "q = x + y; f = q * z", "x=-2, y=5, z=-4"),
    ("A sigmoid neuron", "1/(1+exp(-(w0*x0+w1*x1+w2)))", "w0=2, x0=-1, w1=-3, x1=-2, w2=-3"),
    ("A value used twice", "u = x*y; u * sin(u)", "x=0.5, y=3"),
    ("A kink", "abs(x) + x*y", "x=0, y=2"),
    ("Cancellation", "(1 - cos(x)) / x**2", "x=1e-8"),
    ("Where a difference formula fails", "exp(x) / (sin(x)**3 + cos(x)**3)", "x=1.5"),
    ("A softmax loss", "log(sum(exp(W @ x))) - (W @ x)[0]", "W=[[1,2],[3,4]], x=[0.1,0.2]"),
)


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


def read(text: str, point: str) -> tuple[Problem, dict[str, Any]]:
    for name, value in (("the expression", text), ("the point", point)):
        if not isinstance(value, str):
            raise InputError(f"{name} is {type(value).__name__}; it must be text")
        if len(value) > LONGEST:
            raise InputError(f"{name} has {len(value):,} characters; at most {LONGEST:,} are read here")
    if not text.strip():
        raise InputError('the expression is empty; write one such as "(x + y) * z"')
    names = [n.name for n in parse(text).inputs]
    at = parse_point(point) if point.strip() else {}
    missing, extra = [n for n in names if n not in at], [n for n in at if n not in names]
    if missing:
        raise InputError(f"the point gives no value for {', '.join(map(str, missing))}; write {missing[0]}=1")
    if extra:
        raise InputError(f"the point names {extra[0]}; the expression has {', '.join(map(str, names)) or 'no inputs'}")
    return as_problem(text, at), at


def curve(text: str, at: dict[str, Any]) -> str:
    """The V-curve by the first scalar input, as SVG."""
    from ..plots import encoded
    from ..step_size import step_size_study

    scalars = [name for name, value in at.items() if not isinstance(value, list) and getattr(value, "ndim", 0) == 0]
    if not scalars:
        return "<p>The V-curve moves one scalar input, and here there is none.</p>"
    try:
        study = step_size_study(text, at, wrt=scalars[0])
    except DifflabError as error:
        return f"<p>{html.escape(str(error))}</p>"
    drawn = encoded(study.figure(), "svg").decode()
    return drawn[drawn.index("<svg") :]
